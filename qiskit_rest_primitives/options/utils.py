"""The value of options that are not set."""

from typing import TYPE_CHECKING

from .._doors import door

if TYPE_CHECKING:
    from .rules import Unset as Unset
    from .rules import UnsetType as UnsetType

__all__, __getattr__, __dir__ = door(__name__, {"options.rules": "Unset UnsetType"})
