"""Inputs and results of jobs in a form that people can look at: drawings, tables and counts, all of bounded size.

A pure function of bytes, run in a worker process: circuits are other people's, and drawing one may take long.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from functools import partial
from itertools import islice
from typing import Any

import numpy as np
from qiskit.circuit import QuantumCircuit
from qiskit.exceptions import QiskitError
from qiskit.primitives.containers import BitArray, DataBin, PrimitiveResult, PubResult
from qiskit.primitives.containers.bindings_array import BindingsArray
from qiskit.primitives.containers.observables_array import ObservablesArray

from ...qasm.codec import load_circuit, load_map, own_names, restore_circuit
from ...qasm.limits import CircuitLoadError
from ...wire import jsonio
from ...wire.pubs import load_estimator_pub, load_sampler_pub
from ...wire.quantum_program import ProgramItem, load_items
from ...wire.registers import rename_registers
from ...wire.result_body import load_any
from ..primitives.jobs import JobOutput

MOST_CIRCUITS = 20
MOST_GATES = 400
"""Of one drawing."""
MOST_CELLS, ALL_CELLS = 24_000, 60_000
"""Gates times qubits of one drawing, and of all together: Qiskit's drawer takes about a second for so many."""
MOST_CHARACTERS = 60_000
"""Of one drawing or text."""
MOST_NAME = 300
MOST_REGISTERS = 40
"""Of a PUB, and as many arrays."""
MOST_OUTCOMES = 64
MOST_BITS, ALL_BITS = 2_000, 400_000
"""Of one outcome, and of all that are told of a result together."""
MOST_VALUES = 400
_DAMAGED = (QiskitError, CircuitLoadError, jsonio.DecodeError, ValueError, TypeError, KeyError, IndexError)


def order(kind: str, program: str, body: bytes, params: bytes = b"{}") -> bytes:
    """Write a task for ``execute``: to look at the ``inputs`` or the ``result`` of a job, whichever the body is.

    The params know the names of the registers of a result.
    """
    head = json.dumps({"kind": kind, "program": program, "size": len(body)}).encode()
    return b"".join((head, b"\n", body, params))


def execute(task: bytes) -> JobOutput:
    """Look at the inputs or the result of a job, as ``order`` wrote it.

    The body is a JSON document of a few megabytes at most; what cannot be read is said in it.
    """
    started = time.perf_counter()
    head, _, rest = task.partition(b"\n")
    asked = json.loads(head)
    body, params = rest[: asked["size"]], rest[asked["size"] :]
    try:
        if asked["kind"] == "inputs":
            document = _inputs(asked["program"], jsonio.loads(body))
        else:
            document = _result(body, params)
    except (*_DAMAGED, RecursionError) as error:
        document = {"text": _cut(body.decode("utf-8", "replace")), "problem": _cut(str(error), 300)}
    return JobOutput(json.dumps(document).encode(), time.perf_counter() - started, 0)


# ------------------------------------------------------------------------------------------ inputs


def _inputs(program: str, params: Any) -> dict[str, Any]:
    wires = list(_circuits(program, params)) if isinstance(params, dict) else []
    left, circuits = ALL_CELLS, []
    for wire, bound in wires[:MOST_CIRCUITS]:
        found, cells = _circuit(wire, bound, min(left, MOST_CELLS))
        circuits.append(found)
        left -= cells
    large = ("pubs", "circuits", "quantum_program")
    options = {key: value for key, value in params.items() if key not in large} if wires else params
    return {
        "circuits": circuits,
        "count": len(wires),
        "options": _cut(json.dumps(options, indent=2, default=str)),
    }


def _circuits(program: str, params: Mapping[str, Any]) -> Iterator[tuple[Any, Callable[[], dict[str, Any]]]]:
    """Yield each circuit as it was sent, or read, and what tells what is bound to it."""
    if isinstance(params.get("pubs"), list):
        pubs = [pub for pub in params["pubs"] if isinstance(pub, list) and pub]
        yield from ((pub[0], partial(_bound, program, pub)) for pub in pubs)
    elif isinstance(params.get("circuits"), list):
        yield from ((circuit, dict) for circuit in params["circuits"])
    elif program == "executor":
        items = load_items(params["quantum_program"], params["schema_version"])
        shots = params["quantum_program"].get("shots")
        yield from ((item.circuit, partial(_bound_to_item, item, shots)) for item in items)


def _circuit(wire: Any, bound: Callable[[], dict[str, Any]], room: int) -> tuple[dict[str, Any], int]:
    """Return what there is to see of a circuit, and how much of the room for drawings it took."""
    try:
        circuit = wire if isinstance(wire, QuantumCircuit) else restore_circuit(wire)
        drawn, cells = _drawing(circuit, room)
        found = {
            "name": _cut(circuit.name, MOST_NAME),
            "qubits": circuit.num_qubits,
            "clbits": circuit.num_clbits,
            "depth": circuit.depth(),
            "gates": [
                [_cut(name, MOST_NAME), count] for name, count in list(circuit.count_ops().items())[:30]
            ],
            **drawn,
        }
    except _DAMAGED as error:
        text = wire if isinstance(wire, str) else json.dumps(wire, default=str)
        return {"problem": _cut(str(error), 300), "text": _cut(text)}, 0
    try:
        return found | bound(), cells
    except _DAMAGED as error:
        return found | {"problem": _cut(str(error), 300)}, cells


def _bound(program: str, pub: list[Any]) -> dict[str, Any]:
    """Return what a PUB binds to its circuit."""
    item, names = [load_circuit(pub[0]), *pub[1:]], own_names(pub[0])
    if program == "sampler":
        sampler = load_sampler_pub(item, shots=1)
        shots = sampler.shots if item[2:] and item[2] is not None else None
        return {"values": _values(sampler.parameter_values, names), "shots": shots}
    estimator = load_estimator_pub(item, precision=1.0)
    own = item[3:] and item[3] is not None
    return {
        "values": _values(estimator.parameter_values, names),
        "observables": _observables(estimator.observables),
        "precision": estimator.precision if own else None,
    }


def _bound_to_item(item: ProgramItem, shots: Any) -> dict[str, Any]:
    """Return what an item of a quantum program binds to its circuit; what a samplex draws is not known."""
    if item.arguments is None:
        return {"shots": shots}
    names = [parameter.name for parameter in item.circuit.parameters]
    values = [_value(name, item.arguments[..., index]) for index, name in enumerate(names[:MOST_VALUES])]
    return {"values": values, "shots": shots}


def _drawing(circuit: QuantumCircuit, room: int) -> tuple[dict[str, Any], int]:
    """Draw as many instructions as there is room for, without idle qubits; return the room that took."""
    used: set[Any] = set()
    taken = 0
    for step in circuit.data[:MOST_GATES]:
        wider = used.union(step.qubits)
        if (taken + 1) * len(wider) > room:
            break
        used, taken = wider, taken + 1
    shown = circuit
    if taken < len(circuit.data):
        shown = circuit.copy_empty_like()
        for step in circuit.data[:taken]:
            shown.append(step)
    text = ""
    if taken or not circuit.data:
        drawing = shown.draw("text", fold=-1, idle_wires=not used, vertical_compression="medium")
        text = "\n".join(line[:2_000] for line in str(drawing).split("\n"))
    return {
        "drawing": _cut(text),
        "whole": shown is circuit
        and len(text) <= MOST_CHARACTERS
        and all(len(line) < 2_000 for line in text.split("\n")),
        "idle": circuit.num_qubits - len(used) if used else 0,
        "steps": len(circuit.data),
        "shown": taken,
    }, taken * len(used)


def _values(bindings: BindingsArray, names: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return of each parameter its first values; an angle that an expression gave keeps its name of the wire."""
    found = []
    for group, array in bindings.data.items():
        for index, name in enumerate(group):
            found.append(_value(names.get(name, name), np.asarray(array)[..., index]))
    return found[:MOST_VALUES]


def _value(name: str, column: np.ndarray[Any, Any]) -> dict[str, Any]:
    first = [_number(entry) for entry in column.ravel()[:8]]
    return {"name": _cut(name, MOST_NAME), "shape": list(column.shape), "values": first}


def _observables(observables: ObservablesArray) -> dict[str, Any]:
    flat = [observables.tolist()] if not observables.shape else observables.ravel().tolist()
    terms = [
        [[_label(label), _number(weight)] for label, weight in list(one.items())[:16]] for one in flat[:32]
    ]
    return {"shape": list(observables.shape), "first": terms, "count": len(flat)}


def _label(label: str) -> str:
    """Return a Pauli string without its identities where it is wide: ``Z3 Z1``."""
    if len(label) <= 12:
        return label
    letters = [f"{letter}{index}" for index, letter in enumerate(reversed(label)) if letter != "I"]
    return " ".join(reversed(letters[:40])) or "I"


# ------------------------------------------------------------------------------------------ result


def _result(body: bytes, params: bytes) -> dict[str, Any]:
    result = _of_pubs(load_any(body))
    if not isinstance(result, PrimitiveResult):
        text = json.dumps(json.loads(body), indent=2) if len(body) < 4 * MOST_CHARACTERS else body.decode()
        return {"text": _cut(text)}
    pubs = list(result)
    maps = _maps(params)
    if len(maps) == len(pubs) and None not in maps:
        pubs = rename_registers(pubs, maps)
    left, shown = ALL_BITS, []
    for pub in pubs[:MOST_CIRCUITS]:
        found, taken = _pub(pub, left)
        shown.append(found)
        left -= taken
    return {
        "pubs": shown,
        "count": len(pubs),
        "metadata": _cut(json.dumps(result.metadata, indent=2, default=str), 8_000),
    }


def _of_pubs(result: Any) -> Any:
    """Return the result of a quantum program as its author's client reads it, or else as a PUB for each item."""
    from ...executor.decoding import decode_program_result
    from ...results.quantum_program import QuantumProgramResult

    if not isinstance(result, QuantumProgramResult):
        return result
    found = decode_program_result(result, PrimitiveResult)
    if found is not result:
        return found
    pubs = [PubResult(DataBin(**{name: _bits(value) for name, value in item.items()}), {}) for item in result]
    return PrimitiveResult(pubs, asdict(result.metadata))


def _bits(array: np.ndarray[Any, Any]) -> Any:
    """Return the shots of a register as those; all else as it is."""
    if array.dtype != bool or array.ndim < 2:
        return array
    return BitArray.from_bool_array(array, order="little")


def _maps(params: bytes) -> list[Any]:
    try:
        return [load_map(pub[0]) if isinstance(pub[0], str) else None for pub in jsonio.loads(params)["pubs"]]
    except _DAMAGED:
        return []


def _pub(pub: PubResult, room: int) -> tuple[dict[str, Any], int]:
    """Return what there is to see of a PUB's result, and how much of the room for outcomes it took."""
    bits = {name: value for name, value in pub.data.items() if isinstance(value, BitArray)}
    arrays = {
        name: value
        for name, value in pub.data.items()
        if isinstance(value, np.ndarray) and value.dtype.kind in "fiubc"
    }
    registers, taken = [], 0
    for name, value in islice(bits.items(), MOST_REGISTERS):
        registers.append(_register(name, value, room - taken))
        taken += len(registers[-1]["counts"]) * _told_bits(value)
    return {
        "shape": list(pub.data.shape),
        "registers": registers,
        "columns": [_column(name, value) for name, value in islice(arrays.items(), MOST_REGISTERS)],
        "more": max(0, len(bits) - MOST_REGISTERS) + max(0, len(arrays) - MOST_REGISTERS),
        "metadata": _cut(json.dumps(pub.metadata, indent=2, default=str), 8_000),
    }, taken


def _told_bits(bits: BitArray) -> int:
    return min(bits.num_bits, MOST_BITS) + 20  # a row of few bits is no smaller than that


def _register(name: str, bits: BitArray, room: int) -> dict[str, Any]:
    counts = sorted(bits.get_counts().items(), key=lambda item: (-item[1], item[0]))
    most = min(MOST_OUTCOMES, room // _told_bits(bits))
    return {
        "name": _cut(name, MOST_NAME),
        "bits": bits.num_bits,
        "shots": bits.num_shots,
        "sets": bits.size,
        "total": sum(count for _, count in counts),
        "distinct": len(counts),
        "counts": [[_cut(outcome, MOST_BITS), count] for outcome, count in counts[:most]],
    }


def _column(name: str, values: np.ndarray[Any, Any]) -> dict[str, Any]:
    flat = values.ravel()
    numbers = [_number(value.real) for value in flat[:MOST_VALUES]]
    return {
        "name": _cut(name, MOST_NAME),
        "shape": list(values.shape),
        "size": int(flat.size),
        "values": numbers,
    }


def _number(value: Any) -> float | str | None:
    """Return a number as JSON can write it; what is none in JSON as a word."""
    number = float(value.real)
    return number if math.isfinite(number) else str(number)


def _cut(text: str, most: int = MOST_CHARACTERS) -> str:
    return text if len(text) <= most else text[:most] + "…"
