"""The errors of an Aer noise model: checked against what Aer knows, and read from the model's document.

Aer reads the document unchecked when a job runs, and says then at best which name it does not know; here every fault is
found when a model is set, hosted or read, and names its error.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import Barrier, Delay, Instruction, QuantumCircuit, Reset
from qiskit.circuit.library import DiagonalGate, PauliGate, UnitaryGate
from qiskit.circuit.library.standard_gates import get_standard_gate_name_mapping
from qiskit.exceptions import QiskitError

CLOSE = 1e-6
"""How far the sum of probabilities may be from 1: what Aer lets pass, and rounding on the way."""

_STANDARD = get_standard_gate_name_mapping()
_MATRICES = frozenset({"unitary", "kraus", "superop"})
_NOT_IN_ERRORS = (
    "save_",
    "set_",
    "break_loop",
    "continue_loop",
    "for_loop",
    "if_else",
    "switch_case",
    "while_loop",
)
_NEVER = frozenset({"roerror", "store", "qerror_loc", "quantum_channel", "multiplexer", "measure"})


@lru_cache(maxsize=1)
def _known() -> frozenset[str]:
    """Return the names of operations that Aer takes in an error, by its own tables."""
    from qiskit_aer import AerSimulator
    from qiskit_aer.backends.backend_utils import BASIS_GATES

    names = {*BASIS_GATES["automatic"], *AerSimulator._CUSTOM_INSTR["automatic"], "barrier", "global_phase"}
    return frozenset(name for name in names - _NEVER if not name.startswith(_NOT_IN_ERRORS))


def error_name(error: Mapping[str, Any]) -> str:
    """Return how a text calls an error: by what it is bound to."""
    names = " ".join(str(name) for name in error.get("operations") or ())[:60]
    where = error.get("gate_qubits")
    return f"the error of {names or 'measure'!r}" + (f" on qubits {list(where)}"[:80] if where else "")


def check_document(document: Any) -> list[dict[str, Any]]:
    """Return the errors of a document, checked; a ``ValueError`` names one that is none, or none that Aer can simulate."""
    errors = document.get("errors", []) if isinstance(document, Mapping) else None
    if not isinstance(errors, list):
        raise ValueError("the errors of a noise model must be a list")
    for error in errors:
        if not isinstance(error, Mapping) or error.get("type") not in ("qerror", "roerror"):
            raise ValueError("an error of the noise model is neither a qerror nor a roerror")
        with _naming(error):
            _check_error(error)
    return errors


def check_model(model: Any) -> None:
    """Check the errors of a ``qiskit_aer.noise.NoiseModel``, as ``check_document`` does those of a document."""
    for operation, where, error in _quantum_errors(model):
        with _naming({"operations": [operation], "gate_qubits": where and [where]}):
            _check_probabilities(error.probabilities)
            for circuit in error.circuits:
                for step in circuit.data:
                    _check_step(step.operation.name, len(step.qubits), step.operation.params)
    for qubits, misread in [*model._local_readout_errors.items(), (None, model._default_readout_error)]:
        if misread is not None:
            with _naming({"gate_qubits": qubits and [qubits]}):
                _check_readout(misread.probabilities, None if qubits is None else [qubits])


@contextmanager
def _naming(error: Mapping[str, Any]) -> Iterator[None]:
    """Put the name of an error before what is wrong with it."""
    try:
        yield
    except (ValueError, TypeError, KeyError) as cause:
        raise ValueError(f"{error_name(error)} {cause}") from cause


def _quantum_errors(model: Any) -> Iterator[tuple[str, tuple[int, ...] | None, Any]]:
    for name, error in model._default_quantum_errors.items():
        yield name, None, error
    for name, places in model._local_quantum_errors.items():
        for qubits, error in places.items():
            yield name, qubits, error


def _check_error(error: Mapping[str, Any]) -> None:
    where = error.get("gate_qubits")
    if not isinstance(error.get("operations"), list):
        raise ValueError("lacks the list of its operations")
    if where is not None:
        for group in where:
            _check_qubits(group)
    if error["type"] == "roerror":
        _check_readout(error.get("probabilities"), where)
        return
    circuits = error.get("instructions")
    probabilities = error.get("probabilities")
    if not isinstance(circuits, list) or not isinstance(probabilities, (list, np.ndarray)):
        raise ValueError("lacks probabilities or instructions")
    if len(circuits) != len(probabilities):
        raise ValueError("needs one probability per list of instructions")
    _check_probabilities(probabilities)
    for circuit in circuits:
        for step in circuit:
            _check_qubits(step["qubits"])
            _check_step(step["name"], len(step["qubits"]), step.get("params") or ())


def _check_qubits(qubits: Any) -> None:
    whole = all(isinstance(qubit, (int, np.integer)) and qubit >= 0 for qubit in qubits)
    if not whole or len(set(qubits)) < len(qubits):
        raise ValueError(f"names {str(list(qubits))[:60]}, which are no distinct qubit numbers")


def _check_probabilities(probabilities: Any) -> None:
    numbers = np.asarray(probabilities, dtype=float)
    if numbers.ndim != 1 or not np.isfinite(numbers).all() or (numbers < -CLOSE).any():
        raise ValueError("has a probability that is negative or no number")
    if abs(numbers.sum() - 1) > CLOSE:
        raise ValueError(f"has probabilities that sum to {numbers.sum():.6g}, not 1")


def _check_readout(probabilities: Any, where: Any) -> None:
    matrix = np.asarray(probabilities, dtype=float)
    size = len(matrix) if matrix.ndim == 2 else 0
    if size < 2 or size & (size - 1) or matrix.shape != (size, size):
        raise ValueError("needs a square matrix of probabilities, 2**n by 2**n")
    for row in matrix:
        _check_probabilities(row)
    if any(2 ** len(group) != size for group in where or ()):
        raise ValueError(f"has a matrix of {size} by {size} for another number of qubits")


def _check_step(name: Any, num_qubits: int, params: Sequence[Any]) -> None:
    if name not in _known():
        raise ValueError(f"has an operation {str(name)[:40]!r}, which Aer does not simulate in an error")
    if name == "pauli":
        if len(params) != 1 or len(str(params[0])) != num_qubits or set(str(params[0])) - set("IXYZ"):
            raise ValueError("has a pauli without one letter for each of its qubits")
    elif name in _MATRICES:
        side = (4 if name == "superop" else 2) ** num_qubits
        if not params or any(as_matrix(one).shape != (side, side) for one in params):
            raise ValueError(f"has a {name} whose matrix is not {side} by {side}")
        if not all(np.isfinite(as_matrix(one)).all() for one in params):
            raise ValueError(f"has a {name} with an entry that is no number")
    elif name not in ("delay", "initialize", "diagonal"):
        numbers = np.asarray([float(value) for value in params])
        standard = _STANDARD.get(name)
        if not np.isfinite(numbers).all() or (standard is not None and len(standard.params) != len(params)):
            raise ValueError(
                f"has a {name} whose angles are not {len(standard.params) if standard else ''} numbers"
            )
        if standard is not None and standard.num_qubits != num_qubits:
            raise ValueError(f"has a {name} on {num_qubits} qubits")


def as_matrix(value: Any) -> NDArray[np.complex128]:
    """Return a matrix of complex numbers, which may be written as pairs."""
    numbers = np.asarray(value)
    if numbers.ndim == 3 and numbers.shape[2] == 2 and not np.iscomplexobj(numbers):
        numbers = numbers[..., 0] + 1j * numbers[..., 1]
    return np.asarray(numbers, dtype=complex)


def operation_of(step: Mapping[str, Any]) -> Instruction:
    """Return the instruction that a step of an error stands for."""
    name, num_qubits, params = step["name"], len(step["qubits"]), list(step.get("params") or ())
    if name in ("kraus", "superop"):
        return Instruction(name, num_qubits, 0, [as_matrix(one) for one in params])
    special: dict[str, Any] = {
        "unitary": lambda: UnitaryGate(as_matrix(params[0])),
        "pauli": lambda: PauliGate(str(params[0])),
        "reset": Reset,
        "barrier": lambda: Barrier(num_qubits),
        "delay": lambda: Delay(*params),
        "diagonal": lambda: DiagonalGate(list(as_matrix([params])[0])),
    }
    if name in special:
        return special[name]()
    if name in _STANDARD:
        return _STANDARD[name].base_class(*map(float, params))
    base = name.removesuffix("_gray").removeprefix("mc" if name.startswith("mc") else "c")
    base = {"phase": "p", "u": "u3" if len(params) == 3 else "u"}.get(base, base)
    if base not in _STANDARD or num_qubits <= _STANDARD[base].num_qubits:
        raise ValueError(f"an operation {name!r} on {num_qubits} qubits cannot be read")
    gate = _STANDARD[base].base_class(*map(float, params))
    return gate.control(num_qubits - gate.num_qubits, annotated=False)


def load_errors(errors: Iterable[Mapping[str, Any]]) -> Any:
    """Return the ``qiskit_aer.noise.NoiseModel`` of checked errors.

    ``NoiseModel.from_dict`` knows ten gates, and takes the others for another.
    """
    from qiskit_aer.noise import NoiseModel, QuantumError, ReadoutError

    model = NoiseModel()
    for error in errors:
        where, names = error.get("gate_qubits"), list(error["operations"])
        try:
            if error["type"] == "roerror":
                misread = ReadoutError(error["probabilities"])
                if where is None:
                    model.add_all_qubit_readout_error(misread, warnings=False)
                for qubits in where or ():
                    model.add_readout_error(misread, qubits, warnings=False)
                continue
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                made = QuantumError(list(zip(_circuits(error), error["probabilities"], strict=True)))
            made._id = error.get("id") or made.id
            if where is None:
                model.add_all_qubit_quantum_error(made, names, warnings=False)
            for qubits in where or ():
                model.add_quantum_error(made, names, qubits, warnings=False)
        except QiskitError as cause:
            raise ValueError(f"{error_name(error)} is refused: {cause.message}") from cause
    return model


def _circuits(error: Mapping[str, Any]) -> list[QuantumCircuit]:
    used = [qubit for circuit in error["instructions"] for step in circuit for qubit in step["qubits"]]
    places = [len(group) for group in error.get("gate_qubits") or ()]
    made = []
    for steps in error["instructions"]:
        circuit = QuantumCircuit(max([*places, 1 + max(used, default=0)]))
        for step in steps:
            circuit.append(operation_of(step), list(step["qubits"]))
        made.append(circuit)
    return made
