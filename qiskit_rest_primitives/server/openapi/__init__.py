"""The OpenAPI contract of the server."""
