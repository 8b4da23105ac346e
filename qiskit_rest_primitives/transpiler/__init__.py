"""Passes and stages for the transpiler, and the transpiler service."""

from .._doors import door

__all__, __getattr__, __dir__ = door(__name__, {}, modules="passes plugin")
