"""What all primitives are."""

from .primitives.base import Primitive as BasePrimitiveV2

__all__ = ["BasePrimitiveV2"]
