"""Bounds on what a received circuit may ask for, and the error of one that cannot be read."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["DEFAULT_LIMITS", "CircuitLoadError", "Limits"]


class CircuitLoadError(ValueError):
    """A circuit received cannot be read; the message suits a job's reason (rest-api.md 8.2)."""


@dataclass(frozen=True)
class Limits:
    """Bounds on what untrusted input may ask for.

    Attributes:
        characters: Length of the text, or of the QPY object's base64.
        qubits: Width of the circuit.
        bits: Number of classical bits.
        rounds: Length of one loop.
        gates: Number of gates of foreign text once those that it defines are written out.
        controls: Controls that a ``ctrl @`` may add.
        qpy_bytes: Size of a QPY object once decompressed, in bytes.
    """

    characters: int = 64_000_000
    qubits: int = 10_000
    bits: int = 100_000
    rounds: int = 1_000_000
    gates: int = 1_000_000
    controls: int = 16
    qpy_bytes: int = 256_000_000

    def check(self, qubits: int, bits: int, rounds: int) -> None:
        """Refuse sizes beyond the bounds.

        Raises:
            CircuitLoadError: Names the bound.
        """
        for count, most, what in (
            (qubits, self.qubits, "qubits"),
            (bits, self.bits, "classical bits"),
            (rounds, self.rounds, "rounds of a loop"),
        ):
            if count > most:
                raise CircuitLoadError(f"the circuit asks for {count} {what}; at most {most} are accepted")


DEFAULT_LIMITS = Limits()
