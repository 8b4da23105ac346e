"""Circuits as typed QPY objects: ``{"__type__": "QuantumCircuit", "__value__": base64(zlib(QPY))}``.

For what OpenQASM 3 cannot carry (rest-api.md 4.4: one circuit, QPY version 13 to 17).
"""

from __future__ import annotations

import base64
import binascii
import io
import zlib
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from qiskit import QuantumCircuit, qpy
from qiskit.circuit import Delay
from qiskit.exceptions import QiskitError

from .annotations import NAMESPACE, AnnotationRecords
from .limits import DEFAULT_LIMITS, CircuitLoadError, Limits
from .qpy_claims import judged_programs
from .qpy_header import claimed_size, fault_of

__all__ = ["UnitLostError", "check_units", "dump_qpy", "dump_qpy_programs", "load_qpy", "load_qpy_programs"]

_SECONDS = {"s", "ms", "us", "ns", "ps"}
OLDEST, NEWEST = 13, 17
"""Versions of QPY that the service reads (rest-api.md 4.4)."""


class UnitLostError(ValueError):
    """A circuit has delays in seconds, which the installed Qiskit reads back from QPY in dt."""


def dump_qpy(circuit: QuantumCircuit) -> dict[str, Any]:
    """Write a circuit as a typed QPY object. Inverse: ``load_qpy`` of its value.

    Raises:
        UnitLostError: It has delays whose unit would silently become another.
        Exception: Whatever Qiskit raises for a circuit that QPY cannot carry.
    """
    check_units(circuit)
    value = base64.standard_b64encode(zlib.compress(_written([circuit]))).decode("ascii")
    return {"__type__": "QuantumCircuit", "__value__": value}


def dump_qpy_programs(circuits: Sequence[QuantumCircuit]) -> tuple[bytes, int]:
    """Write circuits as one QPY object, as ``executor`` programs carry them. Inverse: ``load_qpy_programs``.

    Annotations of boxes go along.

    Returns:
        The object, not compressed, and its version.

    Raises:
        UnitLostError: One has delays whose unit would silently become another.
        Exception: Whatever Qiskit raises for a circuit that QPY cannot carry.
    """
    for circuit in circuits:
        check_units(circuit)
    return _written(circuits, annotation_factories={NAMESPACE: AnnotationRecords}), _version()


def check_units(circuit: QuantumCircuit) -> None:
    """Check that QPY carries a circuit's delays as they are.

    Raises:
        UnitLostError: It has delays whose unit would silently become another.
    """
    if any(delay.unit in _SECONDS for delay in _delays(circuit)) and not _keeps_units():
        raise UnitLostError(
            "it has delays in seconds, which QPY of this Qiskit turns into dt; write them in dt"
        )


def _version() -> int:
    return min(NEWEST, int(qpy.QPY_VERSION))


def _written(circuits: Sequence[QuantumCircuit], **options: Any) -> bytes:
    stream = io.BytesIO()
    qpy.dump(list(circuits), stream, version=_version(), **options)
    return stream.getvalue()


def _delays(circuit: QuantumCircuit) -> Iterator[Delay]:
    for step in circuit.data:
        if step.name == "delay":
            yield step.operation
        elif step.is_control_flow():
            for block in getattr(step.operation, "blocks", ()):
                yield from _delays(block)


@cache
def _keeps_units() -> bool:
    """Tell whether 3 ns come back as such; from Qiskit 2.6 they come back as 3 dt."""
    circuit = QuantumCircuit(1)
    circuit.delay(3, 0, "ns")
    (delay,) = _delays(qpy.load(io.BytesIO(_written([circuit])))[0])
    return delay.unit == "ns"


def load_qpy(value: str, limits: Limits) -> QuantumCircuit:
    """Read the value of a typed QPY object. Inverse of ``dump_qpy``.

    Args:
        value: base64 of zlib of QPY.
        limits: Bounds on its size and the circuit's.

    Raises:
        CircuitLoadError: It is no such object, of another version, or holds not exactly one circuit.
        MemoryError: There is no room for what it asks for.
    """
    body = _decompressed(value, limits.qpy_bytes)
    if not body.startswith(b"QISKIT") or len(body) < 7:
        raise CircuitLoadError("the QPY object does not begin like QPY")
    if not OLDEST <= body[6] <= NEWEST:
        raise CircuitLoadError(f"QPY version {body[6]} is not supported; it must be {OLDEST} to {NEWEST}")
    parts = _judged(body, limits)
    if len(parts) != 1:
        raise CircuitLoadError(f"a QPY object must hold exactly one circuit, not {len(parts)}")
    return _load_one(parts[0], limits)


def load_qpy_programs(
    body: bytes,
    limits: Limits = DEFAULT_LIMITS,
    *,
    annotations: type[AnnotationRecords] = AnnotationRecords,
) -> list[QuantumCircuit]:
    """Read all circuits of an unpacked QPY object, as ``executor`` programs carry them (rest-api.md 4.7).

    Args:
        body: QPY of version 13 or later.
        limits: Bounds on each circuit.
        annotations: What reads the annotations of boxes.

    Raises:
        CircuitLoadError: It is no such object, of a version that is not read here, or damaged.
    """
    if not body.startswith(b"QISKIT") or len(body) < 7:
        raise CircuitLoadError("the QPY object does not begin like QPY")
    if not OLDEST <= body[6] <= qpy.QPY_VERSION:
        raise CircuitLoadError(
            f"QPY version {body[6]} is not supported; it must be {OLDEST} to {qpy.QPY_VERSION}"
        )
    parts = _judged(body, limits)
    return [_load_one(part, limits, annotation_factories={NAMESPACE: annotations}) for part in parts]


def _judged(body: bytes, limits: Limits) -> list[bytes]:
    """Split an object into its programs, none of which claims what Qiskit should not make room for."""
    try:
        return judged_programs(body, most=limits.bits)
    except ValueError as cause:
        raise CircuitLoadError(f"the QPY object cannot be read: {cause}") from cause


def _load_one(body: bytes, limits: Limits, **options: Any) -> QuantumCircuit:
    # Qiskit makes room for what the header claims, so the claim is checked before, and the circuit after.
    limits.check(*(claimed_size(body) or (0, 0)), 0)
    try:
        circuits = qpy.load(io.BytesIO(body), **options)
    except (KeyboardInterrupt, SystemExit, MemoryError):
        raise
    except BaseException as cause:
        # Qiskit's compiled parts report damaged input as panics, which are no Exception.
        reason = fault_of(cause)
        if "memory allocation" in reason:
            raise MemoryError(reason) from cause
        raise CircuitLoadError(f"the QPY object cannot be read: {reason}") from cause
    if len(circuits) != 1 or not isinstance(circuits[0], QuantumCircuit):
        raise CircuitLoadError(f"a QPY object must hold exactly one circuit, not {len(circuits)}")
    limits.check(circuits[0].num_qubits, circuits[0].num_clbits, 0)
    try:
        list(_delays(circuits[0]))
    except QiskitError as cause:
        problem = f"a delay has lost its unit on the way, as happens to seconds in QPY: {cause.message}"
        raise CircuitLoadError(problem) from cause
    return circuits[0]


def _decompressed(value: str, most: int) -> bytes:
    try:
        inflate = zlib.decompressobj()
        body = inflate.decompress(base64.b64decode(value, validate=True), most)
    except (binascii.Error, zlib.error, ValueError) as cause:
        raise CircuitLoadError(f"the QPY object is not base64 of zlib data: {cause}") from cause
    if inflate.unconsumed_tail:
        raise CircuitLoadError(f"the QPY object unpacks to more than {most} bytes")
    if not inflate.eof:
        raise CircuitLoadError("the QPY object is cut off")
    return body
