"""Noise models that came with a backend or a job: checked, cut down to one circuit, and their passes run.

Aer reads the dictionary of a noise model unchecked, and by it alone; so dictionaries are what is kept here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from qiskit.circuit import Delay, QuantumCircuit
from qiskit.quantum_info import Kraus, Operator, SuperOp
from qiskit_aer.backends.backend_utils import BASIS_GATES
from qiskit_aer.noise import NoiseModel, RelaxationNoisePass

from ...qasm.noise_model import PASSES, distinguished, load_passes
from ...wire import typed
from ...wire.noise_errors import as_matrix, check_document, load_errors, operation_of
from ..job_errors import INVALID, TaskFailed
from .noise import DELAY, Flips, FrozenNoise, NoiseSource, Operation, Qargs, add_readout
from .noise_passes import has_delays, held, insert, relaxed

_EVERYWHERE = frozenset.intersection(
    *(frozenset(BASIS_GATES[method]) for method in ("statevector", "density_matrix", "matrix_product_state"))
) - {"diagonal", "initialize"}
"""Gates that every method of Aer takes in an error, the stabilizer method aside; others become matrices."""

_OTHERS = frozenset({"kraus", "reset"})
_CLIFFORD = frozenset(BASIS_GATES["stabilizer"]) - {"rz", "store"} | {"reset"}
_NOTHING = frozenset({"barrier", "delay", "global_phase"})

Error = Mapping[str, Any]


class GivenNoiseModel(NoiseSource):
    """An Aer noise model that came with a backend or with a job's options.

    Args:
        document: ``dump_noise_model`` of it, or ``NoiseModel.to_dict()``, serializable or not: arrays and complex
            numbers of the errors that a circuit needs are written out when they are needed.

    Raises:
        ValueError: The document is no such dictionary, or has an error that Aer does not take.
    """

    _remembered = 64

    def __init__(self, document: Mapping[str, Any]) -> None:
        super().__init__()
        self.document = document
        errors = check_document(document)
        self._errors: list[Error] = [error for error in errors if error["type"] == "qerror"]
        self._flips = dict(_misreadings(errors))
        self._passes = load_passes(document.get(PASSES, []), held)
        for one in self._passes:
            if isinstance(one, RelaxationNoisePass) and (one._t2s > 2 * one._t1s * (1 + 1e-9)).any():
                raise ValueError("its relaxation pass has a T2 of more than twice T1")
        self.distinguished = distinguished(document)
        self.disturbs_measurement = self.distinguished.meets("measure")
        self._relaxations = self._passes if self._acts_in_delays_alone() else []
        self._marked: dict[str, dict[str, Any]] = {}

    def _acts_in_delays_alone(self) -> bool:
        """Tell whether passes only relax qubits in delays, towards the ground state, in one and the same unit of time."""
        units = {getattr(one, "_dt", None) for one in self._passes}
        return (
            not self.distinguished.passes
            and len(units) < 2
            and not any(np.any(one._p1s) for one in self._passes)
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return GivenNoiseModel, (self.document,)

    def noise_model(self) -> NoiseModel:
        """Return the model that the document describes."""
        model: NoiseModel = load_errors(self.document.get("errors", []))
        model._custom_noise_passes += self._passes
        model._basis_gates |= set(self.document.get("basis_gates", ()))
        return model

    @property
    def ideal(self) -> bool:
        """Whether there is no error at all."""
        return not self._errors and not self._flips and not self._passes

    def seconds_per_dt(self, dt: float | None) -> float | None:
        """Return the unit of delays of the passes, which bring their own."""
        return self._relaxations[0]._dt if self._relaxations else dt

    def inserted(self, circuit: QuantumCircuit) -> QuantumCircuit:
        """Return the circuit with what noise passes put into it, besides relaxation in delays."""
        if not self._passes or not has_delays(circuit):
            return circuit
        if self._relaxations and (self._relaxations[0]._dt is not None or not _in_samples(circuit)):
            return circuit
        made, errors = insert(self._passes, circuit)
        with self._lock:
            self._marked |= errors
        return made

    @property
    def live(self) -> bool:
        """Whether a pass runs code of the user's, who may have changed what it does since the last job."""
        return any(type(one) is not RelaxationNoisePass for one in self._passes)

    def only_misreads(self, operations: frozenset[Operation]) -> bool:
        """Tell whether no error is bound to these operations, and no pass adds one."""
        names = {"delay" if name.startswith(DELAY) else name for name, _ in operations}
        return not self._passes and all(names.isdisjoint(error["operations"]) for error in self._errors)

    def flips(self, qubit: int) -> Flips:
        """Return the readout error of a qubit, from the model's local or default readout errors."""
        return self._flips.get(qubit, self._flips.get(None, (0.0, 0.0)))

    def fits_stabilizer(self, qubits: Sequence[int]) -> bool:
        """Tell whether every error on these qubits consists of Clifford gates and resets."""
        del qubits
        return not self._passes and all(
            step["name"] in _CLIFFORD or step["name"] in _NOTHING
            for error in self._errors
            for circuit in error["instructions"]
            for step in circuit
        )

    @staticmethod
    def _relevant(operations: frozenset[Operation]) -> frozenset[Operation]:
        return frozenset((name, where if name.startswith(DELAY) else ()) for name, where in operations)

    def _build(
        self,
        qubits: Qargs,
        operations: frozenset[Operation],
        mixture: bool,  # noqa: ARG002 - a given model has one form
        symmetric_readout: bool,
    ) -> FrozenNoise:
        names = {name for name, _ in operations}
        place = {qubit: index for index, qubit in enumerate(qubits)}
        readout = FrozenNoise()
        for index, qubit in enumerate(qubits):
            add_readout(readout, index, self.flips(qubit), symmetric_readout)
        errors = readout.to_dict(serializable=True)["errors"]
        for error in self._errors:
            if names.isdisjoint(error["operations"]):
                continue
            where = error.get("gate_qubits")
            if where is None:
                errors.append(_portable(error))
                continue
            inside = [[place[qubit] for qubit in group] for group in where if set(group) <= place.keys()]
            if inside:
                errors.append({**_portable(error), "gate_qubits": inside})
        errors += [_portable(error) for label, error in self._marked.items() if label in names]
        for name, where in sorted(operations):
            if name.startswith(DELAY) and where and where[0] in place:
                for error in self._waiting(float(name.removeprefix(DELAY)), where[0]):
                    errors.append(
                        {**_portable(error), "operations": [name], "gate_qubits": [[place[where[0]]]]}
                    )
        return FrozenNoise(document={"errors": errors})

    def _waiting(self, seconds: float, qubit: int) -> Iterator[Error]:
        """Yield the error of a delay: what is bound to its name, and then what passes say about its length."""
        named = [error for error in self._errors if "delay" in error["operations"]]
        local = [error for error in named if [qubit] in list(map(list, error.get("gate_qubits") or ()))]
        found = [*(local or [error for error in named if error.get("gate_qubits") is None])]
        relaxation = relaxed(self._relaxations, qubit, seconds)
        if relaxation is not None:
            found.append(relaxation)
        if found:
            yield _in_turn(found)


def _in_samples(circuit: QuantumCircuit) -> bool:
    """Tell whether a delay of the circuit, or of its blocks, is given in dt."""
    return any(
        (isinstance(step.operation, Delay) and step.operation.unit == "dt")
        or any(map(_in_samples, getattr(step.operation, "blocks", ())))
        for step in circuit.data
    )


def _misreadings(errors: Sequence[Error]) -> Iterator[tuple[int | None, Flips]]:
    """Yield the readout errors of single qubits.

    Aer looks them up by the qubits of a measurement, and all measurements are of one qubit: an error of several qubits
    together never acts.
    """
    for error in errors:
        if error["type"] == "roerror":
            matrix = error["probabilities"]
            for where in error.get("gate_qubits") or [(None,)]:
                if len(where) == 1:
                    yield where[0], (float(matrix[0][1]), float(matrix[1][0]))


def _in_turn(errors: Sequence[Error]) -> Error:
    """Return one error that does what several do one after the other."""
    first = errors[0]
    for second in errors[1:]:
        pairs = [
            (float(p) * float(q), [*before, *after])
            for p, before in zip(first["probabilities"], first["instructions"], strict=True)
            for q, after in zip(second["probabilities"], second["instructions"], strict=True)
        ]
        first = {
            **first,
            "id": f"{first.get('id')} {second.get('id')}",
            "probabilities": [p for p, _ in pairs],
            "instructions": [steps for _, steps in pairs],
        }
    return first


def _portable(error: Error) -> dict[str, Any]:
    """Write an error so that every method of Aer takes it: known gates, matrices, Kraus operators and resets.

    Complex numbers become pairs and arrays lists, which is how Aer reads them; probabilities sum to one exactly.
    """
    weights = np.clip(np.asarray(error["probabilities"], dtype=float), 0.0, None)
    return {
        "type": "qerror",
        "id": error.get("id"),
        "operations": list(error["operations"]),
        "probabilities": (weights / weights.sum()).tolist(),
        "instructions": [_portable_steps(circuit) for circuit in error["instructions"]],
    }


def _portable_steps(circuit: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    steps = [_portable_step(step) for step in circuit if step["name"] not in _NOTHING]
    return steps or [{"name": "id", "qubits": [0]}]


def _portable_step(step: Mapping[str, Any]) -> dict[str, Any]:
    name, qubits, params = step["name"], list(map(int, step["qubits"])), step.get("params")
    if name == "superop":
        name, params = "kraus", Kraus(SuperOp(as_matrix(params[0] if params else None))).data
    elif name not in _EVERYWHERE and name not in _OTHERS:
        name, params = "unitary", [_matrix(name, len(qubits), tuple(params or ()))]
    written: dict[str, Any] = {"name": name, "qubits": qubits}
    if params is not None and len(params):
        written["params"] = _plain_numbers([as_matrix(one) for one in params] if name in _ARRAYS else params)
    return written


_ARRAYS = frozenset({"unitary", "kraus"})


@lru_cache(maxsize=256)
def _matrix(name: str, num_qubits: int, params: tuple[Any, ...]) -> np.ndarray:
    return np.asarray(
        Operator(operation_of({"name": name, "qubits": range(num_qubits), "params": params})).data
    )


def noise_of_job(given: Any, own: NoiseSource | None) -> NoiseSource | None:
    """Return the noise of a job: the model it brings in ``options.simulator.noise_model``, tagged or decoded, else the device's.

    Raises:
        TaskFailed: The model cannot be read.
    """
    if given is None:
        return own
    # The tagged form is Aer's dictionary with a label.
    document = given.get("__value__", given) if isinstance(given, Mapping) else given
    try:
        source = GivenNoiseModel(typed.load(document))
    except (ValueError, TypeError, KeyError, AttributeError) as cause:
        raise TaskFailed(
            f"options.simulator.noise_model cannot be read as an Aer noise model: {cause}", INVALID
        ) from cause
    return None if source.ideal else source


def _plain_numbers(value: Any) -> Any:
    """Write complex numbers as pairs and arrays as lists, which is how Aer reads them."""
    if isinstance(value, Mapping):
        return {key: _plain_numbers(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return _plain_numbers(value.tolist())
    if isinstance(value, (list, tuple)):
        return [_plain_numbers(item) for item in value]
    if isinstance(value, np.generic):
        return _plain_numbers(value.item())
    return [value.real, value.imag] if isinstance(value, complex) else value
