"""What happens around every request: plain ASGI, so that nothing is buffered and nothing is run twice."""
