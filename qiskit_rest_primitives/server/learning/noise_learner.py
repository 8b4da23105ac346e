"""The program ``noise-learner``: the most frequent layers of circuits in version 2, boxes in version 3 (rest-api.md 4.7, 4.12)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Literal

import numpy as np
from qiskit.circuit import CircuitInstruction, QuantumCircuit
from qiskit.quantum_info import Clifford, PauliList, QubitSparsePauliList

from ...results.noise_learner import LayerError, NoiseLearnerResult, PauliLindbladError
from ...results.noise_learner_v3 import NoiseLearnerV3Result, dump_learned
from ...wire import jsonio
from ...wire.noise_learning import (
    NotLearnable,
    dump_layers,
    is_request,
    load_request,
    places_of,
    protocol_of,
    undressed,
)
from ..devices.device import Device, randomness
from ..devices.given_noise import noise_of_job
from ..devices.isa import IsaReport, check_isa, refuse_fractional
from ..devices.noise import NoiseSource
from ..job_errors import INVALID, TaskFailed, placing, reading
from .gate_layers import GateLayer, inside, layers_of, neighbours, ranked
from .layer_learning import Experiment, LearnedLayer, Protocol, averages, check_size, learn_layer, mock_layer
from .learner_options import BoxOptions, LearnerOptions, load_box_options, load_learner_options
from .lindblad import Decays, Z, fit_rates


@dataclass(frozen=True)
class Box:
    """A layer of gates, or of measurements, that can be learned.

    Attributes:
        protocol: How.
        qubits: The device's qubits, in ascending order: the order of the result's.
        layer: What is left without the twirl's gates, on these qubits; measurements left out.
        gates: The device's qubits of each gate.
    """

    protocol: Literal["lindblad", "trex"]
    qubits: tuple[int, ...]
    layer: QuantumCircuit
    gates: tuple[tuple[int, ...], ...]


def run_box_learner(
    params: Mapping[str, Any], options: BoxOptions, device: Device, *, seed: int | None
) -> tuple[bytes, int]:
    """Run a job of version 3; see ``run``."""
    with reading():
        request = load_request(params)
    boxes = []
    for index, instruction in enumerate(request.instructions):
        with placing("instruction", index, len(request.instructions)):
            boxes.append(_read(instruction, device))
    pairs = neighbours(
        device.configuration.get("coupling_map"), (where for box in boxes for where in box.gates)
    )
    learned = learn_boxes(boxes, pairs, options, device, seed=seed, what="instruction")
    results = [_result(box, one, options.protocol) for box, one in zip(boxes, learned, strict=True)]
    document = dump_learned(results, request.version)
    if options.without_effect:
        document["metadata"] = {"options_without_effect": list(options.without_effect)}
    return jsonio.dumps(document), sum(one.circuits for one in learned)


def _read(instruction: CircuitInstruction, device: Device) -> Box:
    """Read one box, and check it against the device; one that cannot be learned, or does not fit, is refused."""
    try:
        protocol, where = protocol_of(instruction), places_of(instruction, device.num_qubits)
        bare = undressed(instruction)
    except NotLearnable as cause:
        raise TaskFailed(f"The noise of an instruction cannot be learned: {cause}.", INVALID) from cause
    body = instruction.operation.body
    if not device.simulator:
        wide = QuantumCircuit(device.num_qubits, body.num_clbits)
        wide.compose(body, where, range(body.num_clbits), inplace=True)
        refuse_fractional(check_isa(wide, device.target))
    qubits = tuple(sorted(where))
    place = dict(zip(body.qubits, where, strict=True))
    layer, gates = QuantumCircuit(len(qubits)), []
    for step in bare.data:
        if step.name not in ("barrier", "measure"):
            gates.append(tuple(place[qubit] for qubit in step.qubits))
            layer.append(step.operation, [qubits.index(qubit) for qubit in gates[-1]])
    return Box(protocol, qubits, layer, tuple(gates))


def learn_boxes(
    boxes: Sequence[Box],
    pairs: Sequence[tuple[int, int]],
    options: LearnerOptions | BoxOptions,
    device: Device,
    *,
    seed: int | None,
    what: str,
) -> list[LearnedLayer]:
    """Learn the noise of boxes one after the other, each with randomness of its own; see ``learn_layer``.

    ``pairs`` are neighbours on the device, and ``what`` is the word for a box in errors.
    """
    noise = noise_of_job(options.noise_model, device.noise)
    seed = device.seed_of(options.seed, seed)
    found = []
    for index, box in enumerate(boxes):
        random, near = randomness(seed, index), inside(box.qubits, pairs)
        with placing(what, index, len(boxes)):
            if device.mock:
                mocked = mock_readout if box.protocol == "trex" else mock_layer
                found.append(mocked(len(box.qubits), near, random))
            elif box.protocol == "trex":
                found.append(learn_readout(box.qubits, near, noise, options.protocol, random))
            else:
                found.append(learn_layer(box.layer, box.qubits, near, noise, options.protocol, random))
    return found


def _result(box: Box, learned: LearnedLayer, protocol: Protocol) -> NoiseLearnerV3Result:
    """Write one entry: no shot is ever left out, because simulated qubits flip when they should."""
    if box.protocol == "trex":
        kept: dict[str, Any] = {"fraction_kept": 1.0, "success_rates": {}}
    else:
        kept = {name: dict.fromkeys(protocol.depths, value) for name, value in _ALL_KEPT.items()}
    groups = _told_apart(box, learned)
    labels = learned.generators.to_labels()
    return NoiseLearnerV3Result.from_generators(
        [QubitSparsePauliList([labels[index] for index in group]) for group in groups],
        [float(learned.rates[list(group)].mean()) for group in groups],
        [float(np.sqrt((learned.stds[list(group)] ** 2).sum()) / len(group)) for group in groups],
        {"learning_protocol": box.protocol, "post_selection": kept},
    )


_ALL_KEPT: dict[str, Any] = {"fraction_kept": 1.0, "success_rates": {}}


def _told_apart(box: Box, learned: LearnedLayer) -> list[tuple[int, ...]]:
    """Group the generators that repeating the layer does not tell apart: each with its image under the layer."""
    place = {label: index for index, label in enumerate(learned.generators.to_labels())}
    images = learned.generators.evolve(Clifford(box.layer), frame="s").to_labels()
    partners = [place.get(label.lstrip("-"), index) for index, label in enumerate(images)]
    return [
        (index,) if partner == index else (index, partner)
        for index, partner in enumerate(partners)
        if partner >= index
    ]


_FAINTEST = 1e-3
"""Least polarisation that is told from none: flips of more than half the shots cannot be a channel's."""

Pair = tuple[int, int]


def learn_readout(
    qubits: Sequence[int],
    pairs: Sequence[Pair],
    noise: NoiseSource | None,
    protocol: Protocol,
    random: np.random.Generator,
) -> LearnedLayer:
    """Learn the bit flips of measuring some qubits at the same time; the arguments are those of ``learn_layer``.

    Nothing is repeated, so the ``depths`` of the protocol do not matter.

    Returns:
        The model: generators X on each qubit, then XX on each pair. Twirling makes both directions of misreading alike, so
        a qubit flips with their mean probability p, which is the rate ``-ln(1 - 2 p) / 2`` where no pair flips jointly.
    """
    width = len(qubits)
    check_size(Protocol((0, 1), protocol.randomizations, protocol.shots), width, protocol.randomizations)
    bases = np.full((protocol.randomizations, width), Z, dtype=np.int8)
    experiment = Experiment(QuantumCircuit(width), qubits, noise, bases)
    supports = _supports(width, pairs)
    read = [tuple((qubit, Z) for qubit in support) for support in supports]
    values, variances = averages([experiment.run(0, protocol.shots, random)], bases, read)
    polarisations = np.clip(values[:, 0], _FAINTEST, 1.0)
    overlaps = [[len(set(one) & set(other)) % 2 == 1 for other in supports] for one in supports]
    decays = Decays(-np.log(polarisations), np.sqrt(variances[:, 0]) / polarisations)
    rates, stds = fit_rates(np.array(overlaps, dtype=np.bool_), decays)
    return LearnedLayer(_flips(width, supports), rates, stds, protocol.randomizations)


def mock_readout(num_qubits: int, pairs: Sequence[Pair], random: np.random.Generator) -> LearnedLayer:
    """Return what ``learn_readout`` gives, of random rates, as a mock device answers (rest-api.md 3.9)."""
    supports = _supports(num_qubits, pairs)
    rates = random.uniform(0.0, 1e-2, size=len(supports))
    return LearnedLayer(_flips(num_qubits, supports), rates, np.zeros_like(rates), 0)


def _supports(num_qubits: int, pairs: Sequence[Pair]) -> list[tuple[int, ...]]:
    return list(chain(((qubit,) for qubit in range(num_qubits)), pairs))


def _flips(num_qubits: int, supports: Sequence[tuple[int, ...]]) -> PauliList:
    x = np.zeros((len(supports), num_qubits), dtype=np.bool_)
    for row, support in enumerate(supports):
        x[row, list(support)] = True
    return PauliList.from_symplectic(np.zeros_like(x), x)


Reader = Callable[[Any], tuple[QuantumCircuit, IsaReport]]


def run_learner(
    params: Mapping[str, Any], options: LearnerOptions, device: Device, read: Reader, *, seed: int | None
) -> tuple[bytes, int]:
    """Run a job of version 2; see ``run``."""
    found: list[GateLayer] = []
    circuits = params["circuits"]
    for index, item in enumerate(circuits):
        with placing("circuit", index, len(circuits)):
            found += _layers(item, read, options)
    coupling = device.configuration.get("coupling_map") if options.coupling is None else options.coupling
    pairs = neighbours(coupling, (where for layer in found for _, where in layer.gates))
    boxes = [
        Box("lindblad", layer.qubits, layer.circuit(), tuple(where for _, where in layer.gates))
        for layer in list(ranked(found))[: options.most]
    ]
    learned = learn_boxes(boxes, pairs, options, device, seed=seed, what="layer")
    data = [
        LayerError(box.layer, box.qubits, PauliLindbladError(one.generators, one.rates))
        for box, one in zip(boxes, learned, strict=True)
    ]
    return _body(data, device, options), sum(one.circuits for one in learned)


def _layers(item: Any, read: Reader, options: LearnerOptions) -> list[GateLayer]:
    circuit, report = read(item)
    refuse_fractional(report)
    layers = layers_of(circuit, options.strategy)
    _refuse_registers(circuit, layers)
    return layers


def _refuse_registers(circuit: QuantumCircuit, layers: Sequence[GateLayer]) -> None:
    """Fail as the service does on circuits of several layers with a classical register (rest-api.md 4.7, 4.9).

    How its two sizes come about is not known; the second one is made up.
    """
    if len(layers) > 1 and circuit.cregs:
        register = circuit.cregs[0]
        raise TaskFailed(
            f"ClassicalRegister with name {register.name!r} appears in multiple layers with different sizes "
            f"({register.size} != {max(0, register.size - 1)})",
            INVALID,
            "Remove measurements and classical registers from the circuits.",
        )


def _body(data: Sequence[LayerError], device: Device, options: LearnerOptions) -> bytes:
    """Write the answer: typed elements in a plain list, whatever ``support_qiskit`` says (rest-api.md 4.11)."""
    metadata: dict[str, Any] = {"backend": device.name, "input_options": options.echo()}
    if options.without_effect:
        metadata["options_without_effect"] = list(options.without_effect)
    return jsonio.dumps(dump_layers(NoiseLearnerResult(data, metadata)))


def options_of(params: Any) -> LearnerOptions | BoxOptions:
    """Check a job's params, its circuits or boxes aside, and read its options.

    Raises:
        ParamsError: An unknown key or a value that makes no sense, named with its JSON path.
    """
    return load_box_options(params) if is_request(params) else load_learner_options(params)


def run(
    params: Mapping[str, Any],
    options: LearnerOptions | BoxOptions,
    device: Device,
    read: Reader,
    *,
    seed: int | None,
) -> tuple[bytes, int]:
    """Run a job.

    Args:
        params: The decoded ``params`` of the submission.
        options: What they ask for.
        device: What to run on.
        read: Reads a circuit of ``params`` and checks it against the device.
        seed: Seed of everything random, where the options give none; None for an unpredictable run.

    Returns:
        The result as ``GET /jobs/{id}/results`` answers it, and the number of circuits run.

    Raises:
        TaskFailed: The job cannot be run.
    """
    if isinstance(options, BoxOptions):
        return run_box_learner(params, options, device, seed=seed)
    return run_learner(params, options, device, read, seed=seed)
