"""Running ``executor`` programs: circuits with arrays of values, raw measurement results back (rest-api.md 4.7)."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.primitives.containers import DataBin, SamplerPubResult
from qiskit.primitives.containers.bindings_array import BindingsArray
from qiskit.primitives.containers.sampler_pub import SamplerPub

from ..._time import format_time, now
from ...qasm.maps import CircuitMap
from ...wire.quantum_program import PLACE, ProgramItem, load_noise_map
from ...wire.registers import rename_registers
from ...wire.tensors import dump_tensor
from ..aer.methods import asked_method
from ..devices.device import Device, randomness
from ..devices.idling import scheduler_timing
from ..devices.isa import check_angles
from ..devices.noise import NoiseSource
from ..job_errors import INVALID, TaskFailed, placing, reading
from ..learning.layer_noise import noise_for
from .circuit_cache import LoadedCircuit
from .jobs import LoadedPub, sampler_of, with_noise
from .options import RunOptions
from .pieces import pieces_of
from .quantum_program import ExecutorJob, load_program
from .sampler import columns_of, signals

MOST_EXECUTIONS = 10_000_000
"""Most bound circuits times shots in one job (rest-api.md 1.7)."""
_MOST_ITEMS = 1_000_000


def run_program(params: Mapping[str, Any], device: Device, *, seed: int | None) -> tuple[bytes, int]:
    """Run an ``executor`` job, as ``registry.execute`` does, and return its body and the number of circuits run."""
    with reading():
        program = load_program(params)
    asked = program.simulator
    seed = device.seed_of(asked.get("seed_simulator"), seed)
    noise = noise_for(asked.get("noise_model"), asked.get("layer_noise_model"), device.noise)
    data, chunks, simulations, executions = [], [], list[dict[str, Any]](), 0
    numbers = _numbers(program)
    drawing = {number: randomness(seed, number) for number in numbers}
    for index, item in enumerate(program.items):
        random = drawing[numbers[index]]
        with placing("item", index, len(program.items)):
            pub, drawn = _bound(item, program.shots, random)
            executions += math.prod(pub.shape) * program.shots
            if executions > MOST_EXECUTIONS:
                raise TaskFailed(
                    f"The job asks for more than {MOST_EXECUTIONS} executions of circuits.",
                    INVALID,
                    "Use fewer shots or parameter sets, or split the job.",
                )
            results, taken, simulation = _measured(index, pub, device, noise, program, random, item.names)
        data.append(_item_document({**results, **drawn}, program, _metadata(item, program, device)))
        chunks += taken
        simulations.append(simulation)
    document = _result_document(program, data, chunks)
    document["metadata"]["simulation"] = simulations
    # What the client sent along may hold NaN, which only this writer returns as it came.
    body = json.dumps(document, separators=(",", ":")).encode("ascii")
    return body, executions // program.shots


def _numbers(program: ExecutorJob) -> Sequence[int]:
    """Return the numbers by which items take their randomness from a seed.

    Parts of one ``run()`` have the same seed: an item of theirs has the number of its PUB, as if all were one job, also if
    it is one of several of that PUB; or one that no other part has, if items are not PUBs.
    """
    count, passed = len(program.items), program.passthrough_data
    place = passed.get(PLACE) if isinstance(passed, Mapping) else None
    part, pubs = (place.get("part"), place.get("pubs")) if isinstance(place, Mapping) else (None, None)
    if isinstance(pubs, list) and len(pubs) == count and all(type(pub) is int and pub >= 0 for pub in pubs):
        return pubs
    start = (part - 1) * _MOST_ITEMS if isinstance(part, int) and part > 0 else 0
    return range(start, start + count)


def _bound(
    item: ProgramItem, shots: int, random: np.random.Generator
) -> tuple[SamplerPub, dict[str, NDArray[Any]]]:
    """Return the circuit with all its values, and what else was drawn with them."""
    circuit = item.circuit
    drawn: dict[str, NDArray[Any]] = {}
    if item.samplex is None:
        values = item.arguments if item.arguments is not None else np.zeros(0)
        try:
            shape = np.broadcast_shapes(item.shape, values.shape[:-1])
        except ValueError as cause:
            raise TaskFailed(
                f"The shape {list(item.shape)} does not extend the arguments' {list(values.shape[:-1])}.",
                INVALID,
            ) from cause
    else:
        drawn, shape = draw(item.samplex, item.samplex_arguments or {}, item.shape, random)
        none = circuit.num_parameters if 0 in shape else 0
        values = drawn.pop(PARAMETER_VALUES, np.zeros((*shape, none)))
        if values.shape[-1] != circuit.num_parameters:
            raise TaskFailed(
                f"The samplex draws {values.shape[-1]} values for {circuit.num_parameters} parameters.",
                INVALID,
            )
    if math.prod(shape) * max(shots, circuit.num_parameters) > MOST_EXECUTIONS * 10:
        raise TaskFailed(f"The shape {list(shape)} of an item is too large.", INVALID)
    table = np.broadcast_to(values, (*shape, circuit.num_parameters))
    names = tuple(circuit.parameters)
    bindings = BindingsArray({names: table} if names else {}, shape=shape)
    return SamplerPub(circuit, bindings, shots), drawn


_Arrays = dict[str, NDArray[Any]]


def _measured(
    index: int,
    pub: SamplerPub,
    device: Device,
    noise: NoiseSource | None,
    program: ExecutorJob,
    random: np.random.Generator,
    names: CircuitMap | None,
) -> tuple[_Arrays, list[dict[str, Any]], dict[str, Any]]:
    """Run one item in the pieces that the program ``sampler`` would run its circuits in, which give the same samples.

    Returns:
        Arrays of shape (*item, shots, bits), averages without the axis of the shots; when which elements were taken; and
        how they were simulated.
    """
    found: list[_Arrays] = []
    chunks: list[dict[str, Any]] = []
    start = now()
    run, along_shots = _runner(pub, device, noise, program, random, names)
    pieces = pieces_of(pub, randomizations=(1, pub.shots), along_shots=along_shots)
    for piece in pieces:
        one, simulation = run(piece.pub)
        found.append(one)
        stop = now()
        if piece.shots.stop == pub.shots:  # what a chunk counts are elements, each with all its shots
            chunks.append(_chunk(index, pub.shape, piece.sets, start, stop))
            start = stop
    if len(pieces) == 1:
        return found[0], chunks, simulation
    by_shots = pieces[0].sets == pieces[1].sets
    whole = {
        name: np.concatenate([one[name] for one in found], axis=-2 if by_shots else 0) for name in found[0]
    }
    if not by_shots:
        whole = {name: array.reshape(*pub.shape, *array.shape[1:]) for name, array in whole.items()}
    return whole, chunks, simulation


def _runner(
    pub: SamplerPub,
    device: Device,
    noise: NoiseSource | None,
    program: ExecutorJob,
    random: np.random.Generator,
    names: CircuitMap | None,
) -> tuple[Callable[[SamplerPub], tuple[_Arrays, dict[str, Any]]], bool]:
    """Return what runs a circuit with some of its values, and tells how; and whether fewer shots at a time cost no more."""
    loaded, level = LoadedCircuit(pub.circuit), program.meas_level
    report = loaded.report(device)
    if report.angles:
        check_angles(report, columns_of(pub, pub.circuit))
    asked = asked_method(program.simulator)
    options = RunOptions(shots=program.shots, simulation={**device.simulation, **asked})
    if not device.mock:
        loaded = with_noise(pub.circuit, noise, options)
    sampled, cheap = sampler_of(LoadedPub(pub, loaded, pub.shots), device, noise, options, random)

    def run(some: SamplerPub) -> tuple[_Arrays, dict[str, Any]]:
        found = sampled(some)
        return _of_level(found.data, names, level, random), found.metadata["simulation"]

    return run, cheap and level == "classified"


def _of_level(data: DataBin, names: CircuitMap | None, level: str, random: np.random.Generator) -> _Arrays:
    """Return what a level of measurement makes of the bits of registers, under the names of the circuit's author."""
    if names is not None:
        data = rename_registers([SamplerPubResult(data)], [names])[0].data
    results: _Arrays = {}
    for name, found in data.items():
        values = found.to_bool_array(order="little")
        if level in ("classified", "both"):
            results[name] = values
        if level in ("kerneled", "both"):
            results[f"{name}_iq"] = signals(values, random)
        if level == "avg_kerneled":
            results[f"{name}_avg_iq"] = signals(values, random).mean(axis=-2)
    return results


def _metadata(item: ProgramItem, program: ExecutorJob, device: Device) -> dict[str, Any] | None:
    """Return the metadata of an item; the first version has no place for them."""
    if program.version == "v0.1":
        return None
    timing = scheduler_timing(item.circuit, device.target) if program.scheduler_timing else None
    return {} if timing is None else {"scheduler_timing": timing}


def _item_document(
    results: Mapping[str, NDArray[Any]], program: ExecutorJob, metadata: dict[str, Any] | None
) -> dict[str, Any]:
    tensors = {name: dump_tensor(array, compressed=program.compressed) for name, array in results.items()}
    return {"results": tensors, "metadata": metadata}


def _chunk(
    index: int, shape: tuple[int, ...], elements: slice, start: datetime, stop: datetime
) -> dict[str, Any]:
    part = {
        "idx_item": index,
        "size": elements.stop - elements.start,
        "permutation": list(range(len(shape))),
        "element_range": [elements.start, elements.stop, 1],
    }
    return {"start": format_time(start), "stop": format_time(stop), "parts": [part]}


def _result_document(
    program: ExecutorJob, data: list[dict[str, Any]], chunks: list[dict[str, Any]]
) -> dict[str, Any]:
    metadata: dict[str, Any] = {"chunk_timing": chunks}
    ignored = list(program.without_effect)
    if program.scheduler_timing and not all(item["metadata"] for item in data):
        ignored.append("scheduler_timing")
    if ignored:
        metadata["options_without_effect"] = ignored
    document: dict[str, Any] = {"schema_version": program.version, "data": data, "metadata": metadata}
    if program.version != "v0.1":
        document["passthrough_data"] = program.passthrough_data
    if not program.version.startswith("v0."):
        document["semantic_role"] = program.semantic_role
    return document


PARAMETER_VALUES = "parameter_values"
"""Name of the drawn values of the circuit's parameters; the other names are results of the job."""

MISSING = (
    "This server cannot draw from a samplex, because the package samplomatic is not installed with it. "
    "Items of type 'circuit' run."
)


def draw(
    text: str, arguments: Mapping[str, Any], shape: tuple[int, ...], random: np.random.Generator
) -> tuple[dict[str, NDArray[Any]], tuple[int, ...]]:
    """Draw one randomisation for every element of an item.

    Args:
        text: The samplex as JSON.
        arguments: Its arguments: arrays and numbers, which may have axes in front that are swept, and
            Pauli-Lindblad maps as documents.
        shape: Of the item. Axes along which no argument changes count randomisations.
        random: Source of the randomisations.

    Returns:
        Arrays of shape ``(*shape, ...)`` by name, ``PARAMETER_VALUES`` among them if the circuit has parameters,
        and the shape.
    """
    try:
        from samplomatic.serialization import samplex_from_json
    except ImportError as cause:
        raise TaskFailed(
            MISSING, INVALID, "Install qiskit-rest-primitives[executor] where the server runs."
        ) from cause
    try:
        samplex = samplex_from_json(text).finalize()
        interface = samplex.inputs().make_broadcastable()
        for name, value in arguments.items():
            interface[name] = _argument(value)
        return _drawn(samplex, interface, shape, random)
    except (KeyboardInterrupt, SystemExit, MemoryError, TaskFailed):
        raise
    except BaseException as cause:
        # A damaged samplex fails anywhere, and the compiled parts report it as panics, which are no Exception.
        raise TaskFailed(f"The samplex cannot be used: {_line(cause)}", INVALID) from cause


def _drawn(
    samplex: Any, interface: Any, shape: tuple[int, ...], random: np.random.Generator
) -> tuple[dict[str, NDArray[Any]], tuple[int, ...]]:
    swept = interface.shape
    whole = np.broadcast_shapes(shape, swept)
    # 1 where the arguments do not change: those axes are filled by one call.
    steps = (1,) * (len(whole) - len(swept)) + swept
    inner = tuple(size if step == 1 else 1 for size, step in zip(whole, steps, strict=True))
    count = int(np.prod(inner, dtype=np.int64))
    drawn: dict[str, NDArray[Any]] = {}
    if 0 in whole:
        return drawn, whole
    for place in np.ndindex(*steps):
        one = interface[place[len(steps) - len(swept) :]]
        found = samplex.sample(one, num_randomizations=count, rng=random)
        window = tuple(
            slice(None) if step == 1 else slice(at, at + 1) for at, step in zip(place, steps, strict=True)
        )
        for name, values in dict(found).items():
            if name not in drawn:
                drawn[name] = np.empty((*whole, *values.shape[1:]), dtype=values.dtype)
            drawn[name][window] = values.reshape(*inner, *values.shape[1:])
    return drawn, whole


def _argument(value: Any) -> Any:
    if isinstance(value, Mapping):
        return load_noise_map(value)
    return value


def _line(cause: BaseException) -> str:
    return (str(cause).strip().splitlines() or [type(cause).__name__])[0][:200]
