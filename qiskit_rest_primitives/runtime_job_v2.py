"""``RuntimeJobV2``."""

from typing import TYPE_CHECKING

from ._doors import door

if TYPE_CHECKING:
    from .jobs.job import RuntimeJobV2 as RuntimeJobV2

__all__, __getattr__, __dir__ = door(__name__, {"jobs.job": "RuntimeJobV2"})
