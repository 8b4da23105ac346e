"""``Batch``."""

from .session import Batch

__all__ = ["Batch"]
