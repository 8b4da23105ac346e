"""What is known of gates by their names: which there are, and what they do, for all that simulates them without Aer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import ControlFlowOp, Instruction, Measure, Parameter, Reset
from qiskit.circuit.library import RZGate
from qiskit.circuit.library.standard_gates import get_standard_gate_name_mapping
from qiskit.quantum_info import Clifford

STANDARD = get_standard_gate_name_mapping()
"""Qiskit's gates."""
AER_GATES = frozenset({
    "ccx", "cp", "cx", "cy", "cz", "ecr", "h", "id", "p", "r", "rx", "rxx", "ry", "ryy", "rz", "rzx", "rzz", "s",
    "sdg", "swap", "sx", "sxdg", "t", "tdg", "u", "u1", "u2", "u3", "x", "y", "z",
})  # fmt: skip
"""Those that every method of Aer takes by name, the stabilizer method aside."""
NOTHING = frozenset({"id", "qerror_loc"})
"""What does nothing, but may have noise."""
CLIFFORD_GATES = frozenset(
    {"cx", "cy", "cz", "ecr", "h", "id", "s", "sdg", "swap", "sx", "sxdg", "x", "y", "z", "rz", "p", "u1"}
)
"""Those that are Clifford gates if their angles are quarter turns."""
ONE_BIT_GATES = frozenset(
    {"cx", "cy", "cz", "ch", "cp", "crx", "cry", "crz", "ecr", "rxx", "ryy", "rzx", "rzz"}
)
"""Two-qubit gates of operator Schmidt rank 2."""
DIAGONAL_PAIRS = frozenset({"cp", "crz", "cz", "rzz"})
FLIPS_AND_PHASES = frozenset({"id", "p", "rz", "s", "sdg", "t", "tdg", "u1", "x", "y", "z"})
"""Gates on one qubit that leave a diagonal gate one when they change places with it."""
PAULIS = {"x": (1, 0), "y": (1, 1), "z": (0, 1)}
"""Pauli gate -> whether it flips the bit and the phase."""


@lru_cache(maxsize=1024)
def matrix_of(name: str, params: tuple[float, ...]) -> NDArray[np.complex128]:
    """Return the matrix of a standard gate; its first qubit is the least significant."""
    return np.asarray(STANDARD[name].base_class(*params).to_matrix(), dtype=complex)


def turns_of(
    name: str, params: Sequence[Parameter | float]
) -> list[tuple[str, Parameter | float, int]] | None:
    """Return a gate of one qubit as turns, the first one first: axis X, Y or Z, angle in radians, sign of the angle.

    Its global phase is dropped; None if it is no rotation that is known here.
    """
    if name in ("rz", "p", "u1"):
        return [("Z", params[0], 1)]
    if name in ("rx", "ry"):
        return [(name[1].upper(), params[0], 1)]
    if name == "r":
        return [("Z", params[1], -1), ("X", params[0], 1), ("Z", params[1], 1)]
    if name in ("u", "u3"):
        return [("Z", params[2], 1), ("Y", params[0], 1), ("Z", params[1], 1)]
    if name == "u2":
        return [("Z", params[1], 1), ("Y", np.pi / 2, 1), ("Z", params[0], 1)]
    return None


def is_clifford(operation: Instruction) -> bool:
    """Tell whether an instruction maps stabilizer states to stabilizer states, whatever a measurement gives."""
    if isinstance(operation, (Measure, Reset, ControlFlowOp)) or operation.name in (
        "break_loop",
        "continue_loop",
        "qerror_loc",
    ):
        return True
    if operation.name not in CLIFFORD_GATES:
        return False
    return all(quarter_turns(angle) is not None for angle in operation.params)


def quarter_turns(angle: object) -> int | None:
    """Return an angle in quarter turns, modulo a full turn; None when it is no multiple."""
    if not isinstance(angle, (int, float)):
        return None
    turns = angle / (math.pi / 2)
    return round(turns) % 4 if abs(turns - round(turns)) < 1e-9 else None


@lru_cache(maxsize=256)
def clifford_rows(name: str, turns: int | None) -> tuple[tuple[int, ...], ...]:
    """Return which rows of a Clifford gate's own qubits (bits, then phases) add up to each of them behind the gate.

    The gate has no angles, or is so many quarter ``turns`` about z.
    """
    gate = RZGate(turns * np.pi / 2) if turns is not None else STANDARD[name]
    matrix = Clifford(gate).symplectic_matrix
    return tuple(tuple(np.flatnonzero(column).tolist()) for column in matrix.T)
