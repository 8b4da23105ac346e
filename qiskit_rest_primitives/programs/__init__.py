"""User programs on servers that run them."""
