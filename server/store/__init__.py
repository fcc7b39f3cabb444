"""The only place that knows SQL: connections, the writer, the tables of both databases and what is read from them."""
