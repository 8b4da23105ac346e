"""``RuntimeOptions``."""

from typing import TYPE_CHECKING

from ._doors import door

if TYPE_CHECKING:
    from .programs.runtime_options import RuntimeOptions as RuntimeOptions

__all__, __getattr__, __dir__ = door(__name__, {"programs.runtime_options": "RuntimeOptions"})
