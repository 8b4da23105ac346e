"""Noise that was learned of layers -> the noise of each layer of a boxed circuit, which amplification and cancellation inject."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from qiskit.circuit import CircuitInstruction, QuantumCircuit
from qiskit.quantum_info import PauliLindbladMap

from ..exceptions import IBMInputValueError
from ..options.primitives import EstimatorOptions
from ..results.noise_learner import LayerError
from ..wire.noise_learning import NotLearnable, layer_errors

if TYPE_CHECKING:
    from ..models.backend import IBMBackend

_SYMMETRIC = frozenset({"cz", "swap", "iswap", "rzz", "rxx", "ryy", "cp"})
"""Gates whose qubits can change places."""

_LEARN = (
    "layers = estimator.find_unique_layers(pubs); result = NoiseLearnerV3(backend).run(layers).result(); "
    "estimator.options.resilience.layer_noise_model = zip(layers, result.to_pauli_lindblad_maps())"
)


def noise_needed_by(options: EstimatorOptions) -> str | None:
    """Return which option, its switches being decided (``options.defaults``), needs the noise of the circuits' layers, if one does."""
    if options.resilience.pec_mitigation:
        return "resilience.pec_mitigation"
    if options.resilience.zne_mitigation and options.resilience.zne.amplifier == "pea":
        return "resilience.zne.amplifier = 'pea'"
    return None


def width_of(backend: IBMBackend, circuits: Sequence[QuantumCircuit]) -> int:
    """Return how many qubits the layers of circuits can stand on."""
    return backend.num_qubits or max(circuit.num_qubits for circuit in circuits)


LayerKey = tuple[tuple[int, ...], frozenset[tuple[Any, ...]]]


class GivenLayerNoise:
    """What ``resilience.layer_noise_model`` says of the layers of circuits.

    Args:
        given: Pairs of a box and its noise, ``LayerError`` objects, or a ``NoiseLearnerResult``.
        circuits: Those of the job, in which boxes were found that stand on no register of the device.
        num_qubits: Of the device.
        needed_by: The option that needs the noise.

    Raises:
        IBMInputValueError: A box does not stand on qubits of the device, or a layer was looked at and not learned.
    """

    def __init__(
        self, given: Any, circuits: Sequence[QuantumCircuit], num_qubits: int, needed_by: str
    ) -> None:
        self._needed_by = needed_by
        self._circuits, self._num_qubits = circuits, num_qubits
        self._known: dict[LayerKey, PauliLindbladMap] = {}
        for entry in given:
            error, noise = self._read(entry)
            self._known[_key(error)] = noise

    def _read(self, entry: Any) -> tuple[LayerError, PauliLindbladMap]:
        if isinstance(entry, tuple):
            return self._placed(entry[0]), entry[1]
        if entry.error is None:
            raise IBMInputValueError(
                f"The noise of the layer on qubits {list(entry.qubits)} in resilience.layer_noise_model was not learned."
            )
        order = [sorted(entry.qubits).index(qubit) for qubit in entry.qubits]
        terms = [
            (pauli.to_label()[::-1], order, float(rate))
            for pauli, rate in zip(entry.error.generators, entry.error.rates, strict=True)
        ]
        return entry, PauliLindbladMap.from_sparse_list(terms, len(order))

    def _placed(self, box: CircuitInstruction) -> LayerError:
        try:
            return layer_errors(
                [(box, PauliLindbladMap.identity(len(box.qubits)))], self._num_qubits, self._circuits
            )[0]
        except NotLearnable as cause:
            raise IBMInputValueError(
                f"A layer of resilience.layer_noise_model cannot be used: {cause}."
            ) from cause

    def key(self, box: CircuitInstruction) -> LayerKey:
        """Return what boxes of these circuits have in common whose noise is the same."""
        return _key(self._placed(box))

    def maps(self, layers: Iterable[CircuitInstruction], pub: int) -> dict[str, PauliLindbladMap]:
        """Return the noise of boxes by the name that injects it; those without samplomatic's ``InjectNoise`` get none. ``pub`` is for errors."""
        from samplomatic.annotations import InjectNoise
        from samplomatic.utils import get_annotation

        found: dict[str, PauliLindbladMap] = {}
        for layer in layers:
            annotation = get_annotation(layer.operation, InjectNoise)
            if annotation is None:
                continue
            place = self._placed(layer)
            noise = self._known.get(_key(place))
            if noise is None:
                raise IBMInputValueError(
                    f"resilience.layer_noise_model does not hold the layer {_described(place)} of PUB {pub}, which "
                    f"{self._needed_by} needs: {_LEARN}"
                )
            found[annotation.ref] = noise
        return found


def _key(error: LayerError) -> LayerKey:
    """Return what layers have in common whose noise is the same: their qubits, and their gates in any order."""
    return tuple(sorted(error.qubits)), frozenset(_gates(error))


def _gates(error: LayerError) -> list[tuple[Any, ...]]:
    gates = []
    for step in error.circuit.data:
        if step.name == "barrier":
            continue
        places = [error.qubits[error.circuit.find_bit(qubit).index] for qubit in step.qubits]
        gates.append(
            (step.name, *map(str, step.params), *(sorted(places) if step.name in _SYMMETRIC else places))
        )
    return gates


def _described(error: LayerError) -> str:
    gates = ", ".join(f"{gate[0]}({', '.join(map(str, gate[1:]))})" for gate in _gates(error))
    return f"{gates} on qubits {sorted(error.qubits)}"
