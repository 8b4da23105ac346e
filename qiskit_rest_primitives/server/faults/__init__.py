"""Faults that the server plans and makes on purpose."""
