"""One module per resource: reads a request, calls one action, answers; none knows another."""
