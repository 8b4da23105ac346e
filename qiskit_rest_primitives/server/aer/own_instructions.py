"""Instructions that Aer knows by name: what has noise as a whole, and what only Aer has: channels, ``set_*``, ``save_*``.

The names are those of the installed Aer's own tables. Numbers of channels and states are checked here, because Aer reads
them unchecked.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import ControlledGate, Gate, Instruction
from qiskit.circuit.library import Initialize
from qiskit.exceptions import QiskitError
from qiskit.quantum_info import Clifford
from qiskit_aer import AerSimulator
from qiskit_aer.library import SetStabilizer

from ..job_errors import BAD_CIRCUIT, TaskFailed

CHANNELS = ("kraus", "superop")
"""Instructions after which a pure state may be a mixture."""

METHODS = ("statevector", "density_matrix", "stabilizer", "matrix_product_state")
"""Methods of Aer that measure, the cheapest for a few qubits first."""

TOLERANCE = 1e-6


@cache
def _table(method: str) -> tuple[frozenset[str], frozenset[str]]:
    """Return the gates of a method, and its other instructions."""
    configuration = AerSimulator(method=method).configuration()
    others = frozenset(configuration.custom_instructions)
    return frozenset(configuration.basis_gates) - others, others


def runs(operation: Any) -> bool:
    """Tell whether Aer runs an operation as it is, by its name, so that its noise is that of the whole.

    Not what a user put together, whatever its name; not a gate with open controls, which Aer writes out; and not an
    initialization by numbers or letters, which it writes out, too.
    """
    if not isinstance(operation, Instruction) or type(operation) in (Gate, Instruction):
        return False
    if isinstance(operation, Initialize):
        return len(operation.params) > 1 and isinstance(operation.params[0], complex)
    return operation.name in _table("automatic")[0] and not is_open(operation)


def is_open(operation: Any) -> bool:
    """Tell whether a gate has open controls."""
    return isinstance(operation, ControlledGate) and operation.ctrl_state != 2**operation.num_ctrl_qubits - 1


def is_saving(operation: Any) -> bool:
    """Tell whether an operation only saves a state for the result of a run of Aer, which nobody reads here."""
    return _is_own(operation, "save_")


def is_kept(operation: Any) -> bool:
    """Tell whether an operation is a channel or sets the state."""
    return _is_own(operation, (*CHANNELS, "set_"))


def as_aer_reads(operation: Instruction) -> Instruction:
    """Return a channel, or what sets the state, in Aer's form: stabilizer states travel as tableaus."""
    if operation.name == "set_stabilizer":
        return SetStabilizer(_clifford(operation))
    if operation.name in CHANNELS:
        _check_channel(operation)
    else:
        _check_state(operation)
    return operation


def _is_own(operation: Any, start: str | tuple[str, ...]) -> bool:
    return (
        isinstance(operation, Instruction)
        and operation.name.startswith(start)
        and operation.name in _table("automatic")[1]
        and operation.num_clbits == 0
        and not isinstance(operation, Gate)
    )


def methods_for(names: Iterable[str]) -> tuple[str, ...]:
    """Return the methods that know some of Aer's own instructions."""
    wanted = set(names)
    return tuple(method for method in METHODS if wanted <= _table(method)[1])


def place_of_noise(label: str, num_qubits: int) -> Instruction:
    """Return an instruction that does nothing, with the noise that is bound to a label or name."""
    return Instruction("qerror_loc", num_qubits, 0, [], label=label)


def reset_channel() -> Instruction:
    """Return a reset that has no noise of its own."""
    return Instruction("kraus", 1, 0, [np.diag([1.0 + 0j, 0]), np.array([[0, 1.0 + 0j], [0, 0]])])


def _check_channel(operation: Instruction) -> None:
    size = 2**operation.num_qubits
    matrices = _arrays(operation)
    if operation.name == "superop":
        good = len(matrices) == 1 and matrices[0].shape == (size**2, size**2)
        total = matrices[0].reshape((size,) * 4).trace() if good else None
    else:
        good = bool(matrices) and all(matrix.shape == (size, size) for matrix in matrices)
        total = sum(matrix.conj().T @ matrix for matrix in matrices) if good else None
    if total is None or not np.allclose(total, np.eye(size), atol=TOLERANCE):
        raise _refused(operation, "no channel that preserves probability")


def _check_state(operation: Instruction) -> None:
    size = 2**operation.num_qubits
    if operation.name == "set_statevector":
        states = _arrays(operation)
        good = len(states) == 1 and states[0].shape == (size,)
        good = good and abs(np.vdot(states[0], states[0]) - 1) < TOLERANCE
    elif operation.name == "set_density_matrix":
        states = _arrays(operation)
        good = len(states) == 1 and states[0].shape == (size, size) and abs(states[0].trace() - 1) < TOLERANCE
    elif operation.name == "set_matrix_product_state":
        good = _is_product_state(operation)
    else:  # whole unitaries and channels, of simulations that measure nothing
        raise _refused(operation, "for simulations that measure nothing")
    if not good:
        raise _refused(operation, f"no state of {operation.num_qubits} qubits")


def _clifford(operation: Instruction) -> Clifford:
    try:
        (tableau,) = operation.params
        state = Clifford(np.asarray(tableau, dtype=bool))
    except (TypeError, ValueError, QiskitError):
        raise _refused(operation, "no stabilizer state") from None
    if state.num_qubits != operation.num_qubits:
        raise _refused(operation, f"no state of {operation.num_qubits} qubits")
    return state


def _is_product_state(operation: Instruction) -> bool:
    """Tell whether the matrices of a product state fit each other, one pair for each qubit, and make a state of norm 1."""
    try:
        ((pairs, weights),) = operation.params
        sites = [np.stack([np.asarray(matrix, dtype=complex) for matrix in pair]) for pair in pairs]
        bonds = [np.asarray(row, dtype=float) for row in weights]
        norm = np.ones((1, 1), dtype=complex)
        for site, bond in zip(sites, [*bonds, np.ones(sites[-1].shape[-1])], strict=True):
            norm = np.einsum("ab,sac,sbd->cd", norm, site.conj() * bond, site * bond)
    except (TypeError, ValueError, IndexError):
        return False
    return len(sites) == operation.num_qubits and norm.shape == (1, 1) and abs(norm[0, 0] - 1) < TOLERANCE


def _arrays(operation: Instruction) -> list[np.ndarray[Any, Any]]:
    try:
        return [np.asarray(value, dtype=complex) for value in operation.params]
    except (TypeError, ValueError):
        return []


def _refused(operation: Instruction, why: str) -> TaskFailed:
    return TaskFailed(f"The instruction {operation.name} cannot be simulated: it is {why}.", BAD_CIRCUIT)


def meaning_of(operation: Instruction) -> QuantumCircuit | None:
    """Return the plain instructions that one of the service's own stands for; None for any other operation."""
    shape = (operation.num_qubits, operation.num_clbits)
    circuit = QuantumCircuit(*shape)
    if shape == (1, 1) and operation.name.startswith("measure_"):
        circuit.measure(0, 0)
        if operation.name.startswith("measure_reset"):
            circuit.reset(0)
    elif shape == (1, 0) and operation.name.startswith("reset_"):
        circuit.reset(0)
    elif shape == (1, 0) and operation.name == "xslow":
        circuit.x(0)
    else:
        return None
    return circuit
