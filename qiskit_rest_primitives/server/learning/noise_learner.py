"""The program ``noise-learner``, version 2: the noise of the most frequent layers of circuits (rest-api.md 4.7, 4.12)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from qiskit.circuit import QuantumCircuit

from ...qasm.codec import CircuitLoadError
from ...results.noise_learner import LayerError, NoiseLearnerResult, PauliLindbladError
from ...wire import jsonio
from ...wire.learned_layers import dump_layers
from ..devices.device import Device, randomness
from ..devices.given_noise import noise_of_job
from ..devices.isa import IsaReport, refuse_fractional
from ..job_errors import BAD_CIRCUIT, INVALID, TaskFailed, placing
from .gate_layers import GateLayer, inside, layers_of, neighbours, ranked
from .layer_learning import LearnedLayer, learn_layer, mock_layer
from .learner_options import LearnerOptions

__all__ = ["Reader", "run_learner"]

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
    noise = noise_of_job(options.noise_model, device.noise)
    seed = device.seed_of(options.seed, seed)
    data: list[LayerError] = []
    executed = 0
    for index, layer in enumerate(list(ranked(found))[: options.most]):
        random = randomness(seed, index)
        circuit, near = layer.circuit(), inside(layer.qubits, pairs)
        learned = (
            mock_layer(circuit.num_qubits, near, random)
            if device.mock
            else learn_layer(circuit, layer.qubits, near, noise, options.protocol, random)
        )
        executed += learned.circuits
        data.append(_layer_error(circuit, layer, learned))
    return _body(data, device, options), executed


def _layers(item: Any, read: Reader, options: LearnerOptions) -> list[GateLayer]:
    try:
        circuit, report = read(item)
    except CircuitLoadError as cause:
        raise TaskFailed(str(cause), BAD_CIRCUIT) from cause
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


def _layer_error(circuit: QuantumCircuit, layer: GateLayer, learned: LearnedLayer) -> LayerError:
    return LayerError(circuit, layer.qubits, PauliLindbladError(learned.generators, learned.rates))


def _body(data: Sequence[LayerError], device: Device, options: LearnerOptions) -> bytes:
    """Write the answer: typed elements in a plain list, whatever ``support_qiskit`` says (rest-api.md 4.11)."""
    metadata: dict[str, Any] = {"backend": device.name, "input_options": options.echo()}
    if options.without_effect:
        metadata["options_without_effect"] = list(options.without_effect)
    return jsonio.dumps(dump_layers(NoiseLearnerResult(data, metadata)))
