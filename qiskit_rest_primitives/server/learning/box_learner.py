"""The program ``noise-learner``, version 3: the noise of boxes of gates or of measurements (rest-api.md 4.7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from qiskit.circuit import CircuitInstruction, QuantumCircuit
from qiskit.quantum_info import Clifford, QubitSparsePauliList

from ...qasm.codec import CircuitLoadError
from ...results.noise_learner_v3 import NoiseLearnerV3Result, dump_learned
from ...wire import jsonio
from ...wire.boxes import NotLearnable, places_of, protocol_of, undressed
from ...wire.noise_learning import load_request
from ..devices.device import Device, randomness
from ..devices.given_noise import noise_of_job
from ..devices.isa import check_isa, refuse_fractional
from ..devices.noise import NoiseSource
from ..job_errors import BAD_CIRCUIT, INVALID, TaskFailed, placing
from .box_options import BoxOptions
from .gate_layers import inside, neighbours
from .layer_learning import LearnedLayer, Protocol, learn_layer, mock_layer
from .readout_learning import learn_readout, mock_readout

__all__ = ["run_box_learner"]


@dataclass(frozen=True)
class _Box:
    """A box that can be learned.

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
    """Run a ``noise-learner`` job of version 3.

    Args:
        params: The decoded ``params`` of the submission.
        options: What they ask for.
        device: What to run on.
        seed: Seed of everything random, where the options give none; None for an unpredictable run.

    Returns:
        The result as ``GET /jobs/{id}/results`` answers it, and the number of circuits run.

    Raises:
        TaskFailed: The job cannot be run.
    """
    try:
        request = load_request(params)
    except CircuitLoadError as cause:
        raise TaskFailed(str(cause), BAD_CIRCUIT) from cause
    except jsonio.DecodeError as cause:
        raise TaskFailed(str(cause), INVALID) from cause
    count = len(request.instructions)
    boxes = []
    for index, instruction in enumerate(request.instructions):
        with placing("instruction", index, count):
            boxes.append(_read(instruction, device))
    noise = noise_of_job(options.noise_model, device.noise)
    seed = device.seed_of(options.seed, seed)
    coupling = device.configuration.get("coupling_map")
    pairs = neighbours(coupling, (where for box in boxes for where in box.gates))
    results, executed = [], 0
    for index, box in enumerate(boxes):
        random = randomness(seed, index)
        with placing("instruction", index, count):
            learned = _learned(box, inside(box.qubits, pairs), device, noise, options.protocol, random)
        executed += learned.circuits
        results.append(_result(box, learned, options.protocol))
    return _body(results, request.version, options), executed


def _read(instruction: CircuitInstruction, device: Device) -> _Box:
    """Read one box, and check it against the device.

    Raises:
        TaskFailed: It cannot be learned, or does not fit.
    """
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
    return _Box(protocol, qubits, layer, tuple(gates))


def _learned(
    box: _Box,
    pairs: Sequence[tuple[int, int]],
    device: Device,
    noise: NoiseSource | None,
    protocol: Protocol,
    random: np.random.Generator,
) -> LearnedLayer:
    if box.protocol == "trex":
        if device.mock:
            return mock_readout(len(box.qubits), pairs, random)
        return learn_readout(box.qubits, pairs, noise, protocol, random)
    if device.mock:
        return mock_layer(len(box.qubits), pairs, random)
    return learn_layer(box.layer, box.qubits, pairs, noise, protocol, random)


def _result(box: _Box, learned: LearnedLayer, protocol: Protocol) -> NoiseLearnerV3Result:
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


def _told_apart(box: _Box, learned: LearnedLayer) -> list[tuple[int, ...]]:
    """Group the generators that repeating the layer does not tell apart: each with its image under the layer."""
    place = {label: index for index, label in enumerate(learned.generators.to_labels())}
    images = learned.generators.evolve(Clifford(box.layer), frame="s").to_labels()
    partners = [place.get(label.lstrip("-"), index) for index, label in enumerate(images)]
    return [
        (index,) if partner == index else (index, partner)
        for index, partner in enumerate(partners)
        if partner >= index
    ]


def _body(results: Sequence[NoiseLearnerV3Result], version: str, options: BoxOptions) -> bytes:
    document = dump_learned(results, version)
    if options.without_effect:
        document["metadata"] = {"options_without_effect": list(options.without_effect)}
    return jsonio.dumps(document)
