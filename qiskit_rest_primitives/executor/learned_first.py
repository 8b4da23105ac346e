"""Estimators whose mitigation needs noise that is not given: a job learns it first, and the quantum programs follow."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from qiskit.circuit import CircuitInstruction, QuantumCircuit, QuantumRegister
from qiskit.primitives.containers.estimator_pub import EstimatorPub
from qiskit.quantum_info import PauliLindbladMap

from .._calls import frames_of_ours
from ..exceptions import IBMInputValueError, ResultDecodeError
from ..jobs.follow_up import LEARNER
from ..jobs.inputs import load_inputs
from ..jobs.request import WrittenParams
from ..models.backend import IBMBackend
from ..options.noise_learner import NoiseLearnerV3Options
from ..options.primitives import EstimatorOptions, final_estimator_options
from ..options.rules import Unset
from ..primitives.base import RunContext
from ..primitives.submit import written_models
from ..qasm.canonical import CircuitDumpError
from ..qasm.codec import EncodedCircuit, dump_circuit
from ..results.noise_learner_v3 import NoiseLearnerV3Results
from ..wire.expected import DecodeHints
from ..wire.noise_learning import places_of
from ..wire.pubs import dump_estimator_pub
from .estimator_program import estimator_parts
from .given_layer_noise import GivenLayerNoise, noise_needed_by, width_of
from .mitigation_tasks import Mitigation, without_boxes
from .parts import executor_options, run_params

_ELSEWHERE = ("environment", "max_execution_time", "program")
"""Options that stand beside the params, or have done their service."""


def estimator_request(
    pubs: Sequence[EstimatorPub], place: RunContext, options: EstimatorOptions
) -> tuple[str, WrittenParams, dict[str, Any]]:
    """Write an estimator's checked PUBs as quantum programs, after a job that learns the noise of their layers if that is needed.

    Returns:
        The program of the first job, the params, and what stands beside them.

    Warns:
        UserWarning: There are more layers than are learned: the others are not mitigated.
    """
    final = final_estimator_options(options)
    given = final.resilience.layer_noise_model
    if noise_needed_by(final) is None or (given is not Unset and given is not None):
        return ("executor", *run_params(estimator_parts(pubs, final, place.backend), place))
    follow_up = LearnedFirst(pubs, final, place)
    # With no noise at all, so that whatever cannot be carried is refused before anything is learned.
    params, envelope = follow_up.trial()
    if not follow_up.layers:
        return "executor", params, envelope
    follow_up.warn_of_others()
    from ..noise.noise_learner_v3 import learning_params

    layers = follow_up.layers_on_device()
    learning, _ = learning_params(layers, _learner_options(final), place)
    return LEARNER, WrittenParams(learning, DecodeHints(), follow_up=follow_up), envelope


class LearnedFirst:
    """The quantum programs of an estimator, which wait for the noise of their layers.

    Args:
        pubs: The PUBs, checked.
        options: Options whose switches are decided (``options.defaults``).
        place: Where they run.

    Attributes:
        layers: Those to be learned: the most frequent ones, then those of most gates.
        others: Those that are not.
        number: How many programs there are.

    Raises:
        IBMInputValueError: Nothing may be learned, or a circuit cannot be put into layers.
    """

    program_id = "executor"

    def __init__(self, pubs: Sequence[EstimatorPub], options: EstimatorOptions, place: RunContext) -> None:
        self._pubs, self._options, self._place = pubs, options, place
        found = _layers(pubs, options, place.backend)
        most = _most_layers(options, len(found))
        if found and not most:
            raise IBMInputValueError(
                f"{noise_needed_by(options)} needs the noise of the circuits' layers, and "
                "resilience.layer_noise_learning.max_layers_to_learn = 0 says to learn none: raise it, or give the noise as "
                "resilience.layer_noise_model."
            )
        if found and options.simulator.layer_noise_model:
            raise IBMInputValueError(
                "Learning does not see the noise of simulator.layer_noise_model: give it as resilience.layer_noise_model "
                "too, which says that it is known."
            )
        self.layers, self.others = found[:most], found[most:]
        self.number = 0

    def layers_on_device(self) -> list[CircuitInstruction]:
        """Return the layers on the qubits of the device, where they stand in circuits with registers of their own."""
        circuits = [pub.circuit for pub in self._pubs]
        qubits = QuantumRegister(width_of(self._place.backend, circuits), "q")
        return [
            layer.replace(qubits=[qubits[place] for place in places_of(layer, len(qubits), circuits)])
            for layer in self.layers
        ]

    def warn_of_others(self) -> None:
        """Warn of layers that are not learned, if there are any."""
        if self.others:
            warnings.warn(
                f"The noise of {len(self.layers)} of {len(self.layers) + len(self.others)} layers is learned, the most "
                "frequent ones; that of the others stays in the results. "
                "resilience.layer_noise_learning.max_layers_to_learn = None learns all.",
                UserWarning,
                stacklevel=frames_of_ours() + 1,
            )

    def trial(self) -> tuple[WrittenParams, dict[str, Any]]:
        """Write the programs as if there was no noise, with what stands beside them."""
        silent = [PauliLindbladMap.identity(len(layer.qubits)) for layer in self.layers]
        parts = estimator_parts(self._pubs, self._options, self._place.backend, self._pairs(silent))
        self.number = len(parts)
        return run_params(parts, self._place, before=1 if self.layers else 0)

    def params(self, found: Any) -> list[Mapping[str, Any]]:
        """Return the params of the programs.

        Args:
            found: What was learned.

        Raises:
            ResultDecodeError: It is not the noise of these layers.
        """
        if not isinstance(found, NoiseLearnerV3Results) or len(found) != len(self.layers):
            raise ResultDecodeError(
                f"The noise of {len(self.layers)} layers was to be learned, but what came back is "
                f"{type(found).__name__} of {len(found) if hasattr(found, '__len__') else 'no'} entries."
            )
        pairs = self._pairs(found.to_pauli_lindblad_maps())
        parts = estimator_parts(self._pubs, self._options, self._place.backend, pairs)
        written, _ = run_params(parts, self._place, before=1)
        return [written, *written.others]

    def _pairs(self, maps: Sequence[PauliLindbladMap]) -> list[tuple[CircuitInstruction, PauliLindbladMap]]:
        unknown = [PauliLindbladMap.identity(len(layer.qubits)) for layer in self.others]
        return list(zip([*self.layers, *self.others], [*maps, *unknown], strict=True))

    def to_json(self) -> dict[str, Any]:
        """Return what ``load_follow_up`` reads."""
        options = self._options.model_dump(exclude_unset=True)
        for name in _ELSEWHERE:
            options.pop(name, None)
        circuits = [pub.circuit for pub in self._pubs]
        return {
            "pubs": [dump_estimator_pub(pub, _written(pub.circuit)) for pub in self._pubs],
            "options": written_models(options, self._place.backend, circuits),
            "layers": len(self.layers),
            "number": self.number,
        }


def _written(circuit: QuantumCircuit) -> EncodedCircuit:
    """Write a circuit as it is, or as text where QPY has no room for its delays."""
    try:
        return dump_circuit(circuit, circuit_format="qpy")
    except CircuitDumpError:
        return dump_circuit(circuit, circuit_format="qasm3")


def load_follow_up(written: Mapping[str, Any], backend: IBMBackend) -> LearnedFirst:
    """Read what ``LearnedFirst.to_json`` wrote.

    Raises:
        IBMInputValueError: The layers of the circuits are not found again: other versions of packages are at work.
    """
    pubs = [EstimatorPub.coerce(tuple(pub)) for pub in load_inputs({"pubs": written["pubs"]})["pubs"]]
    follow_up = LearnedFirst(pubs, EstimatorOptions(**written["options"]), RunContext(backend))
    follow_up.trial()
    if (len(follow_up.layers), follow_up.number) != (written["layers"], written["number"]):
        raise IBMInputValueError(
            f"A run() was to learn {written['layers']} layers for {written['number']} jobs, but its circuits have "
            f"{len(follow_up.layers)} for {follow_up.number} now: finish it with the versions of samplomatic and "
            "qiskit-mitigation that began it, or run it anew."
        )
    return follow_up


def _layers(
    pubs: Sequence[EstimatorPub], options: EstimatorOptions, backend: IBMBackend
) -> list[CircuitInstruction]:
    """Return the layers of circuits that noise is injected into, the most frequent first, then those of most gates."""
    mitigation, circuits = Mitigation(options), [pub.circuit for pub in pubs]
    noise = GivenLayerNoise((), circuits, width_of(backend, circuits), "")
    first: dict[Any, CircuitInstruction] = {}
    times: Counter[Any] = Counter()
    for index, circuit in enumerate(circuits):
        if not pubs[index].size:
            continue
        bare = without_boxes(circuit)  # as the circuits of the programs
        try:
            boxes, distinct = mitigation.noisy_boxes(bare), mitigation.layers(bare)
        except Exception as cause:
            raise IBMInputValueError(f"PUB {index} cannot run on the program 'executor': {cause}") from cause
        times.update(noise.key(box) for box in boxes)
        for layer in distinct:
            first.setdefault(noise.key(layer), layer)
    return sorted((first[key] for key in times), key=lambda layer: _rank(layer, times[noise.key(layer)]))


def _rank(layer: CircuitInstruction, times: int) -> tuple[int, int]:
    return -times, -sum(len(step.qubits) == 2 for step in layer.operation.body.data)


def _most_layers(options: EstimatorOptions, there: int) -> int:
    """Return how many layers are learned, by the rule of the program ``estimator`` (rest-api.md 4.3)."""
    learning = options.resilience.layer_noise_learning
    most: Any = learning.max_layers_to_learn
    if most is Unset:
        most = learning._entries["max_layers_to_learn"].service
    return there if most is None else int(most)


def _learner_options(options: EstimatorOptions) -> NoiseLearnerV3Options:
    """Return the options of the job that learns."""
    learning, execution = options.resilience.layer_noise_learning, options.execution
    simulator = executor_options(options).simulator
    simulator.coupling_map = Unset
    if isinstance(options.seed_estimator, int) and not isinstance(simulator.seed_simulator, int):
        simulator.seed_simulator = options.seed_estimator
    return NoiseLearnerV3Options(
        shots_per_randomization=learning.shots_per_randomization,
        num_randomizations=learning.num_randomizations,
        layer_pair_depths=learning.layer_pair_depths,
        execution={"init_qubits": execution.init_qubits, "rep_delay": execution.rep_delay},
        simulator=simulator,
    )
