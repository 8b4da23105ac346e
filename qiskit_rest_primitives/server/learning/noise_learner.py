"""The program ``noise-learner``, version 2: the noise of the most frequent layers of circuits (rest-api.md 4.7, 4.12)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from qiskit.circuit import QuantumCircuit

from ...results.noise_learner import LayerError, NoiseLearnerResult, PauliLindbladError
from ...wire import jsonio
from ...wire.noise_learning import dump_layers, is_request
from ..devices.device import Device
from ..devices.isa import IsaReport, refuse_fractional
from ..job_errors import INVALID, TaskFailed, placing
from .box_learner import Box, learn_boxes, run_box_learner
from .gate_layers import GateLayer, layers_of, neighbours, ranked
from .learner_options import BoxOptions, LearnerOptions, load_box_options, load_learner_options

Reader = Callable[[Any], tuple[QuantumCircuit, IsaReport]]


def run_learner(
    params: Mapping[str, Any], options: LearnerOptions, device: Device, read: Reader, *, seed: int | None
) -> tuple[bytes, int]:
    """Run a ``noise-learner`` job.

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
    """Run a job; the arguments and what is returned and raised are those of ``run_learner``."""
    if isinstance(options, BoxOptions):
        return run_box_learner(params, options, device, seed=seed)
    return run_learner(params, options, device, read, seed=seed)
