"""``Batch``."""

from typing import TYPE_CHECKING

from ._doors import door

if TYPE_CHECKING:
    from .session import Batch as Batch

__all__, __getattr__, __dir__ = door(__name__, {"session": "Batch"})
