"""Noise that a job gives for the layers of its circuits (``options.simulator.layer_noise_model``), put into the circuits.

Behind each layer that the job names, gates that are marked by their labels come in pairs, which is the identity; their
noise is that of the layer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit
from qiskit.circuit.library import CZGate, XGate
from qiskit.quantum_info import PauliList
from qiskit_aer.noise import NoiseModel, QuantumError, pauli_error

from ...results.noise_learner import LayerError
from ...wire import typed
from ..devices.given_noise import noise_of_job
from ..devices.noise import MARK, AddedNoise, FrozenNoise, NoiseSource, Operation, Qargs
from ..job_errors import INVALID, TaskFailed
from .gate_layers import GateLayer, layers_of, scheduled

_START = f"{MARK}before"


@dataclass(frozen=True)
class _Channel:
    """The part of a layer's noise on one or two qubits: where, which, and the label of what has it."""

    qubits: Qargs
    error: QuantumError
    label: str


class LayerNoise(AddedNoise):
    """The noise of a device, and that of some layers besides."""

    def __init__(
        self, own: NoiseSource | None, channels: Sequence[tuple[GateLayer, Sequence[_Channel]]]
    ) -> None:
        super().__init__(own)
        self._channels = channels
        self._errors = {each.label: each.error for _, parts in channels for each in parts}

    def _build(
        self, qubits: Qargs, operations: frozenset[Operation], mixture: bool, symmetric_readout: bool
    ) -> FrozenNoise:
        own = super()._build(qubits, operations, mixture, symmetric_readout).to_dict(serializable=True)
        place = {qubit: index for index, qubit in enumerate(qubits)}
        added = NoiseModel()
        for name, where in sorted(operations):
            if name in self._errors:
                added.add_quantum_error(
                    self._errors[name], [name], [place[qubit] for qubit in where], warnings=False
                )
        errors = [*own["errors"], *added.to_dict(serializable=True)["errors"]]
        return FrozenNoise(document={"errors": errors})

    def marked(self, circuit: QuantumCircuit, strategy: str) -> QuantumCircuit:
        """Return a circuit, whose qubit k is device qubit k, with marks behind each layer whose noise is given.

        The strategy says which qubits are twirled, as for ``layers_of``; it tells layers of the same gates apart.
        """
        layers = iter(layers_of(circuit, strategy))
        made = circuit.copy_empty_like()
        steps = sorted(scheduled(circuit), key=lambda entry: entry[:2])
        for index, (level, kind, step) in enumerate(steps):
            made.append(step)
            last = index + 1 == len(steps) or steps[index + 1][:2] != (level, kind)
            if kind == 1 and last:
                for channel in self._of(next(layers)):
                    if max(channel.qubits) >= circuit.num_qubits:
                        raise _refused(f"has noise on qubit {max(channel.qubits)}, which the circuit has not")
                    _mark(made, channel)
        return made

    def _of(self, layer: GateLayer) -> Sequence[_Channel]:
        """Return the noise of a layer: of one with the same twirled qubits, else of one with the same gates."""
        same = [(given, parts) for given, parts in self._channels if given.gates == layer.gates]
        exact = [parts for given, parts in same if given.qubits == layer.qubits]
        return next(iter([*exact, *(parts for _, parts in same)]), ())


def _mark(circuit: QuantumCircuit, channel: _Channel) -> None:
    gate = CZGate if len(channel.qubits) == 2 else XGate
    for label in (_START, channel.label):
        circuit.append(gate(label=label), channel.qubits)


def noise_for(model: Any, layers: Any, own: NoiseSource | None) -> NoiseSource | None:
    """Return the noise of a job: what its options say in ``simulator``, tagged or decoded, else the device's.

    Raises:
        TaskFailed: One cannot be read, or is no noise that can be simulated.
    """
    noise = noise_of_job(model, own)
    return _load_layer_noise(layers, noise) if layers else noise


def _load_layer_noise(given: Any, own: NoiseSource | None) -> LayerNoise:
    """Read the noise of layers from the tagged form of a list of records; boxes of measurements are left out."""
    try:
        layers = typed.load(given)
        if not isinstance(layers, list) or not all(isinstance(layer, LayerError) for layer in layers):
            raise ValueError("it must be a list of layer errors")
    except ValueError as cause:
        raise TaskFailed(f"options.simulator.layer_noise_model cannot be read: {cause}", INVALID) from cause
    channels = []
    for index, layer in enumerate(layers):
        if len(set(layer.qubits)) < len(layer.qubits) or min(layer.qubits, default=0) < 0:
            raise _refused(f"has a layer on the qubits {layer.qubits}")
        if layer.error is not None and not layer.circuit.count_ops().get("measure"):
            channels.append((_gates(layer), list(_channels(layer, index))))
    return LayerNoise(own, channels)


def _refused(why: str) -> TaskFailed:
    return TaskFailed(f"options.simulator.layer_noise_model {why}.", INVALID)


def _gates(layer: LayerError) -> GateLayer:
    place = dict(zip(layer.circuit.qubits, layer.qubits, strict=True))
    gates = [
        (step.name, tuple(place[qubit] for qubit in step.qubits))
        for step in layer.circuit.data
        if len(step.qubits) == 2 and step.name != "barrier"
    ]
    return GateLayer(tuple(sorted(gates, key=lambda gate: gate[1])), tuple(sorted(layer.qubits)))


def _channels(layer: LayerError, index: int) -> Iterator[_Channel]:
    """Split a channel by the pairs of qubits that its generators act on; those of one qubit go with a gate, if it has one."""
    assert layer.error is not None  # noqa: S101 (asked for before)
    generators, rates = layer.error.generators, layer.error.rates
    if rates.size and (not np.isfinite(rates).all() or rates.min() < 0):
        raise _refused("has a rate that is negative or not finite")
    supports = [tuple(np.flatnonzero(row).tolist()) for row in generators.x | generators.z]
    if any(len(support) > 2 for support in supports):
        raise _refused("has a generator on more than two qubits")
    place = {qubit: index for index, qubit in enumerate(layer.qubits)}
    gates = (tuple(sorted(place[qubit] for qubit in where)) for _, where in _gates(layer).gates)
    pairs = dict.fromkeys([*gates, *(support for support in supports if len(support) == 2)])
    groups: dict[tuple[int, ...], list[int]] = {}
    for row, support in enumerate(supports):
        if support and rates[row] > 0:
            home = next((pair for pair in pairs if set(support) <= set(pair)), support)
            groups.setdefault(home, []).append(row)
    for number, (support, rows) in enumerate(groups.items()):
        columns = list(support)
        parts = PauliList.from_symplectic(generators.z[rows][:, columns], generators.x[rows][:, columns])
        where = tuple(layer.qubits[qubit] for qubit in support)
        yield _Channel(where, _error_of(parts, rates[rows]), f"{MARK}{index} {number}")


def _error_of(generators: PauliList, rates: NDArray[np.float64]) -> QuantumError:
    """Return the channel of one or two qubits as probabilities of Paulis, however small they are."""
    labels = ["".join(letters) for letters in product("IXYZ", repeat=generators.num_qubits)]
    paulis = PauliList(labels)
    crossed = np.array([~generators.commutes(pauli) for pauli in paulis])
    fidelities = np.exp(-2.0 * crossed @ rates)
    signs = np.array([np.where(paulis.commutes(pauli), 1.0, -1.0) for pauli in paulis])
    weights = np.clip(signs @ fidelities, 0.0, None)
    return pauli_error(list(zip(labels, (weights / weights.sum()).tolist(), strict=True)))
