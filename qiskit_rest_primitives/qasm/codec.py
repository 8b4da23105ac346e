"""The one door for circuits: ``dump_circuit`` and ``load_circuit`` choose OpenQASM 3 or QPY."""

from __future__ import annotations

import hashlib
import logging
import zlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.circuit import ClassicalRegister, Parameter, ParameterExpression, ParameterVector
from qiskit.exceptions import QiskitError
from qiskit.primitives.containers.bindings_array import BindingsArray

from .._frozen import frozen
from .._locks import fork_safe_lock
from ..wire.arrays import Allowance, dump_base64, unpack
from ..wire.jsonio import DecodeError
from . import ir
from .cache import Remembered, independent_copy, is_plain
from .canonical import CircuitDumpError, canonicalise
from .circuit_metadata import dump_metadata, kept_metadata, load_metadata
from .expressions import evaluate, settled_delays
from .limits import DEFAULT_LIMITS, CircuitLoadError, LoadLimits
from .maps import CircuitMap, RegisterMap
from .noise_model import NOISELESS, Distinguished
from .text import ForeignTextError, print_program, read_map_line, read_program

logger = logging.getLogger(__name__)

CircuitFormat = Literal["auto", "qasm3", "qpy"]

_WIDEST = 3
"""Qubits of a unitary up to which it is written out for OpenQASM 3: that takes milliseconds, five qubits take a second."""


@frozen
class EncodedCircuit:
    """A circuit as it travels.

    Attributes:
        wire: OpenQASM 3 text, or ``{"__type__": "QuantumCircuit", "__value__": ...}`` (rest-api.md 4.4).
        format: Which of the two it is.
        map: How to undo the names.
        inputs: Names of the parameters in ``wire``, in the order of the last axis of ``values``.
        expressions: What the value of each input is computed from.
        delays: The inputs that delays last, with the unit.
    """

    wire: str | dict[str, Any] = field(repr=False)
    format: Literal["qasm3", "qpy"]
    map: CircuitMap = field(repr=False)
    inputs: tuple[str, ...] = field(repr=False)
    expressions: tuple[ParameterExpression, ...] = field(repr=False, compare=False, default=())
    delays: Mapping[int, str] = field(repr=False, compare=False, default_factory=dict)

    def values(self, bindings: BindingsArray) -> NDArray[np.float64]:
        """Return the values of the inputs, shape ``(*bindings.shape, len(inputs))``.

        An input that stands for a parameter alone takes its value to the last bit; values that only
        parameters outside of every gate would use are dropped.

        Raises:
            ValueError: A parameter has no value, an angle has no real value at a point, or a delay none that a delay
                can last.
        """
        values = evaluate(self.expressions, bindings)
        for index, unit in self.delays.items():
            values[..., index] = settled_delays(values[..., index], unit, self.expressions[index])
        return values


def dump_circuit(
    circuit: QuantumCircuit, *, circuit_format: CircuitFormat = "auto", noise: Distinguished = NOISELESS
) -> EncodedCircuit:
    """Write a circuit. Inverse: ``load_circuit``, up to what ``EncodedCircuit.map`` records.

    A circuit that was written before, and not changed since, is not written again.

    Args:
        circuit: Any circuit; its layout is ignored, its width kept.
        circuit_format: "qasm3" or "qpy", or "auto" for OpenQASM 3 wherever it carries the circuit with all that the
            noise tells apart, and no large unitary must be written out.
        noise: What the noise of the device that it is meant for tells apart.

    Raises:
        CircuitDumpError: The form asked for cannot carry the circuit; names the instruction and its place.
    """
    if circuit_format not in ("auto", "qasm3", "qpy"):
        raise ValueError(f"circuit_format must be 'auto', 'qasm3' or 'qpy', not {circuit_format!r}")
    key = (circuit_format, noise)
    known: EncodedCircuit | None = _WRITTEN.get(circuit, key)
    if known is None:
        known = _dump(circuit, circuit_format, noise)
        _WRITTEN.put(circuit, key, known)
    return known


def _dump(circuit: QuantumCircuit, circuit_format: CircuitFormat, noise: Distinguished) -> EncodedCircuit:
    if circuit_format == "qpy":
        return _dump_qpy(circuit)
    try:
        return _dump_qasm3(circuit, noise, None if circuit_format == "qasm3" else _WIDEST)
    except CircuitDumpError as cause:
        if circuit_format == "qasm3":
            raise
        encoded = _dump_qpy(circuit)
        logger.info("circuit %r travels as QPY because OpenQASM 3 cannot carry it: %s", circuit.name, cause)
        return encoded


def _dump_qasm3(circuit: QuantumCircuit, noise: Distinguished, widest: int | None) -> EncodedCircuit:
    canonical = canonicalise(circuit, noise, widest=widest)
    names = replace(canonical.map, metadata=_kept(circuit.metadata))
    return EncodedCircuit(
        wire=print_program(canonical.program, names.to_json()),
        format="qasm3",
        map=names,
        inputs=ir.input_names(canonical.program.num_inputs),
        expressions=canonical.expressions,
        delays=canonical.delays,
    )


def _load_qpy(content: str, limits: LoadLimits) -> QuantumCircuit:
    from .qpy import NEWEST, read_circuit

    try:
        body = unpack(content, allowance=Allowance(limits.qpy_bytes))
    except DecodeError as cause:
        raise CircuitLoadError(f"the QPY object cannot be unpacked: {cause.problem}") from cause
    return read_circuit(body, limits, newest=NEWEST)


def _dump_qpy(circuit: QuantumCircuit) -> EncodedCircuit:
    from .qpy import write_circuits

    metadata = _kept(circuit.metadata)
    if metadata:
        circuit = circuit.copy()
        circuit.metadata = dump_metadata(metadata)
    try:
        body = write_circuits([circuit], by_parameter=True)
    except Exception as cause:
        raise CircuitDumpError(f"QPY cannot carry the circuit: {cause}") from cause
    parameters = tuple(circuit.parameters)
    names = replace(_own_map(circuit), metadata=metadata)
    value = dump_base64(zlib.compress(body))
    wire = {"__type__": "QuantumCircuit", "__value__": value}
    return EncodedCircuit(wire=wire, format="qpy", map=names, inputs=names.parameters, expressions=parameters)


def _kept(metadata: Mapping[Any, Any] | None) -> dict[Any, Any]:
    """Return a copy of a circuit's metadata, after a word about what only the job at hand gives back."""
    kept, lost = kept_metadata(metadata)
    for key, problem in lost.items():
        logger.warning("metadata %r of a circuit is lost to jobs that are reopened by id: %s", key, problem)
    return kept


def _own_map(circuit: QuantumCircuit) -> CircuitMap:
    return CircuitMap(
        num_qubits=circuit.num_qubits,
        parameters=tuple(parameter.name for parameter in circuit.parameters),
        registers=tuple(
            RegisterMap(entry.name, len(entry), tuple((entry.name, index) for index in range(len(entry))))
            for entry in circuit.cregs
        ),
        metadata=load_metadata(circuit.metadata),
        name=circuit.name,
        bare=tuple(range(circuit.num_parameters)),
    )


# ------------------------------------------------------------------------------------------- reading


def load_circuit(
    wire: str | Mapping[str, Any], *, limits: LoadLimits = DEFAULT_LIMITS, foreign: bool = True
) -> QuantumCircuit:
    """Read a circuit. Inverse of ``dump_circuit``, in the names of the wire.

    Canonical text is read by the strict reader, other text by Qiskit's importer, whose quirks are the
    service's (rest-api.md 8): there ``id`` becomes ``u(0, 0, 0)``, and a gate that the text does not define
    is an error. A gate that the text defines keeps its name; it gets Qiskit's class if its body means the same.

    Args:
        wire: OpenQASM 3 text, or a typed QPY object with one circuit of version 13 to 17.
        limits: Bounds on what untrusted input may ask for.
        foreign: If False, read the canonical dialect and nothing else: its reader takes time and memory in
            proportion to the text, and the others do not.

    Returns:
        A circuit that the caller may change.

    Raises:
        CircuitLoadError: It cannot be read; the message suits a job's reason.
        ForeignTextError: It is not in the canonical dialect, and nothing else was wanted.
    """
    if not foreign and not isinstance(wire, str):
        raise ForeignTextError("not a text")
    if isinstance(wire, str):
        kind, content = "qasm3", wire
    elif isinstance(wire, Mapping) and wire.get("__type__") == "QuantumCircuit":
        kind, content = "qpy", wire.get("__value__")  # type: ignore[assignment]
    else:
        raise CircuitLoadError("a circuit must be OpenQASM 3 text or a typed QuantumCircuit")
    if not isinstance(content, str):
        raise CircuitLoadError("the value of a typed QuantumCircuit must be text")
    if len(content) > limits.characters:
        raise CircuitLoadError(f"the circuit is longer than {limits.characters} characters")
    key = hashlib.sha256(f"{kind} {limits} {content}".encode("utf-8", "surrogatepass")).digest()
    circuit = _READ.get(key)
    if circuit is None:
        circuit = _load_text(content, limits, foreign) if kind == "qasm3" else _load_qpy(content, limits)
        _READ.put(key, circuit, len(content))
    if is_plain(circuit):
        return circuit.copy()
    try:
        return independent_copy(circuit)
    except QiskitError as cause:  # what Qiskit's reader of QPY put together without looking
        raise CircuitLoadError(f"the circuit contradicts itself: {cause.message}") from cause


def _load_text(text: str, limits: LoadLimits, foreign: bool) -> QuantumCircuit:
    try:
        return read_program(text, check_sizes=limits.check)
    except CircuitLoadError:
        raise
    except Exception as cause:
        if not isinstance(cause, ForeignTextError):
            logger.debug("the strict reader gave up with %s", type(cause).__name__)
        if not foreign:
            raise ForeignTextError("not in the canonical dialect") from cause
    from .foreign import import_text

    return import_text(text, limits)


def load_map(wire: str | Mapping[str, Any]) -> CircuitMap | None:
    """Read back the map of a circuit that ``dump_circuit`` wrote.

    Text may carry none: None. A QPY object maps onto itself. A damaged one is a ``CircuitLoadError``.
    """
    if not isinstance(wire, str):
        return _own_map(load_circuit(wire))
    try:
        document = read_map_line(wire)
        return None if document is None else CircuitMap.from_json(document)
    except (ValueError, RecursionError) as cause:
        raise CircuitLoadError(f"the map of the circuit cannot be read: {cause}") from cause


def restore_circuit(wire: str | Mapping[str, Any]) -> QuantumCircuit:
    """Read a circuit in the names of its author, as far as they travelled.

    Classical registers, metadata, the circuit's name and all parameters that stand alone come back; an
    expression stays one parameter under its wire name, gates stay as they were written out.
    """
    circuit = load_circuit(wire)
    names = load_map(wire)
    return circuit if not isinstance(wire, str) or names is None else rename_circuit(circuit, names)


def rename_circuit(circuit: QuantumCircuit, names: CircuitMap) -> QuantumCircuit:
    """Give a circuit in the names of the wire those of its author; ``restore_circuit`` says what comes back.

    It is as ``load_circuit`` read it, or what became of it since: its classical registers must be the same.
    """
    circuit = _with_own_parameters(circuit, names)
    restored = QuantumCircuit(*circuit.qregs, circuit.clbits, name=names.name, metadata=dict(names.metadata))
    wire_bits = {
        (register.name, index): bit for register in circuit.cregs for index, bit in enumerate(register)
    }
    try:
        for entry in names.registers:
            restored.add_register(
                ClassicalRegister(bits=[wire_bits[bit] for bit in entry.bits], name=entry.name)
            )
    except (KeyError, QiskitError) as cause:
        raise CircuitLoadError(f"the map does not fit the circuit at register {entry.name!r}") from cause
    if any(step.is_control_flow() for step in circuit.data):
        taken = {register.name for register in restored.cregs}
        for register in circuit.cregs:  # conditions refer to them
            if register.name not in taken:
                restored.add_register(register)
    try:
        for step in circuit.data:
            restored.append(step)
    except QiskitError:  # a register of the author's has the wire name of another that a condition reads
        circuit.name, circuit.metadata = names.name, dict(names.metadata)
        return circuit
    return restored


def _with_own_parameters(circuit: QuantumCircuit, names: CircuitMap) -> QuantumCircuit:
    longest: dict[str, int] = {}
    for index in names.vectors:
        prefix, _, tail = names.parameters[index].rpartition("[")
        longest[prefix] = max(longest.get(prefix, 0), int(tail[:-1]) + 1)
    vectors = {prefix: ParameterVector(prefix, length) for prefix, length in longest.items()}
    every = {element.name: element for vector in vectors.values() for element in vector}
    elements = {name: every[name] for name in (names.parameters[index] for index in names.vectors)}
    own = _own_names(names)
    changes = {
        parameter: elements.get(own[parameter.name]) or Parameter(own[parameter.name])
        for parameter in circuit.parameters
        if own.get(parameter.name, parameter.name) != parameter.name
    }
    return circuit.assign_parameters(changes) if changes else circuit


def own_names(wire: str | Mapping[str, Any]) -> dict[str, str]:
    """Return what ``restore_circuit`` calls the inputs of a circuit, by their wire names."""
    names = load_map(wire) if isinstance(wire, str) else None
    return {} if names is None else _own_names(names)


def _own_names(names: CircuitMap) -> dict[str, str]:
    """Name inputs like the parameters they stand for; one of an expression keeps its wire name while that is free."""
    taken = set(names.parameters)
    own: dict[str, str] = {}
    for wire, index in zip(ir.input_names(len(names.bare)), names.bare, strict=True):
        name = names.parameters[index] if 0 <= index < len(names.parameters) else wire
        while name in taken and not 0 <= index < len(names.parameters):
            name += "_"
        own[wire] = name
    return own


# -------------------------------------------------------------------------------------------- memory


class _ReadCircuits:
    """The circuits read last, by the hash of their content."""

    def __init__(self, most: int = 64, most_characters: int = 32_000_000) -> None:
        self._most = most
        self._most_characters = most_characters
        self._circuits: OrderedDict[bytes, tuple[QuantumCircuit, int]] = OrderedDict()
        self._characters = 0
        self._lock = fork_safe_lock()

    def get(self, key: bytes) -> QuantumCircuit | None:
        with self._lock:
            entry = self._circuits.get(key)
            if entry is None:
                return None
            self._circuits.move_to_end(key)
            return entry[0]

    def put(self, key: bytes, circuit: QuantumCircuit, characters: int) -> None:
        with self._lock:
            if key in self._circuits:
                return
            self._circuits[key] = (circuit, characters)
            self._characters += characters
            while self._circuits and (
                len(self._circuits) > self._most or self._characters > self._most_characters
            ):
                self._characters -= self._circuits.popitem(last=False)[1][1]


_WRITTEN: Remembered[EncodedCircuit] = Remembered()
"""What unchanged circuits were written as, as long as they live."""
_READ = _ReadCircuits()
"""The circuits read last."""
