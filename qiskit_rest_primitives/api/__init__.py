"""The official client's package of that name, for its exceptions."""

from .._doors import door

__all__, __getattr__, __dir__ = door(__name__, {}, modules="exceptions")
