"""Backends and the documents that describe them."""
