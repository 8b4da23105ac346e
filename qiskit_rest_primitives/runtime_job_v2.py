"""``RuntimeJobV2``."""

from .jobs.job import RuntimeJobV2

__all__ = ["RuntimeJobV2"]
