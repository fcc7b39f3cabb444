"""The server: Starlette app, store, and the commands around them."""
