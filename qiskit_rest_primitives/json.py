"""JSON that carries arrays, circuits and Qiskit's objects."""

from .wire.typed import RuntimeDecoder, RuntimeEncoder

__all__ = ["RuntimeDecoder", "RuntimeEncoder"]
