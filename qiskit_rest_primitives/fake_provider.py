"""Fake backends: the official client's, where it is installed."""

from ._doors import borrow

__all__, __getattr__, __dir__ = borrow(__name__)
