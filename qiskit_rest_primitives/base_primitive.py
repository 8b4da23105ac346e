"""What all primitives are."""

from typing import TYPE_CHECKING

from ._doors import door

if TYPE_CHECKING:
    from .primitives.base import Primitive

    BasePrimitiveV2 = Primitive

__all__, __getattr__, __dir__ = door(__name__, {"primitives.base": "BasePrimitiveV2=Primitive"})
