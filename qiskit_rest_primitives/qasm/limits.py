"""Bounds on what a received circuit may ask for, and the error of one that cannot be read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

MOST_TWO_QUBIT_GATES = 5_000_000
"""Of a circuit, the copies that gate folding makes of it taken together (rest-api.md 1.7)."""


class CircuitLoadError(ValueError):
    """A circuit received cannot be read; the message suits a job's reason (rest-api.md 8.2)."""


@dataclass(frozen=True)
class LoadLimits:
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
        """Refuse sizes beyond the bounds."""
        for count, most, what in (
            (qubits, self.qubits, "qubits"),
            (bits, self.bits, "classical bits"),
            (rounds, self.rounds, "rounds of a loop"),
        ):
            if count > most:
                raise CircuitLoadError(f"the circuit asks for {count} {what}; at most {most} are accepted")


DEFAULT_LIMITS = LoadLimits()


def folding_problem(gates: int, factors: Sequence[float]) -> str | None:
    """Say what is wrong with folding so many two-qubit gates, if anything is; the circuit runs once for each noise factor."""
    total = gates * sum(factors)
    if total <= MOST_TWO_QUBIT_GATES:
        return None
    return (
        f"{gates} two-qubit gates times {sum(factors):g}, the sum of the noise factors, are {total:.0f} gates, more than the "
        f"{MOST_TWO_QUBIT_GATES} that gate folding may come to: use fewer or lower resilience.zne.noise_factors, or a "
        "shorter circuit."
    )
