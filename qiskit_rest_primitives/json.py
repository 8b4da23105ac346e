"""JSON that carries arrays, circuits and Qiskit's objects."""

from typing import TYPE_CHECKING

from ._doors import door

if TYPE_CHECKING:
    from .wire.typed import RuntimeDecoder as RuntimeDecoder
    from .wire.typed import RuntimeEncoder as RuntimeEncoder

__all__, __getattr__, __dir__ = door(__name__, {"wire.typed": "RuntimeDecoder RuntimeEncoder"})
