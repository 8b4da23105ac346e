"""The one reader and writer of QPY: circuits <-> bytes, and their limits (rest-api.md 4.4: version 13 to 17).

Whatever packs the bytes, a tag, a program, an order to transpile, they are written and read here.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

from qiskit import QuantumCircuit, qpy
from qiskit.exceptions import QiskitError

from .annotations import NAMESPACE, AnnotationRecords
from .limits import DEFAULT_LIMITS, CircuitLoadError, LoadLimits
from .qpy_claims import OLDEST, claimed_size, fault_of, judged_programs
from .qpy_substitutes import delays_of, numbers_restored, with_substitutes

NEWEST = 17
"""The newest version that the service reads (rest-api.md 4.4)."""
VERSION = min(NEWEST, int(qpy.QPY_VERSION))
"""The version that is written."""


def write_circuits(
    circuits: Sequence[QuantumCircuit],
    *,
    version: int = VERSION,
    annotations: bool = False,
    by_parameter: bool = False,
    **options: Any,
) -> bytes:
    """Write circuits as one QPY object, not compressed. Inverse: ``read_circuits``.

    Args:
        circuits: The circuits.
        version: The version of QPY.
        annotations: Whether the annotations of boxes go along.
        by_parameter: Whether only readers of this package need to know delays that last as long as parameters say.
        **options: Further ones of ``qiskit.qpy.dump``.

    Raises:
        UnitLostError: One has delays whose unit would silently become another.
        Exception: Whatever Qiskit raises for a circuit that QPY cannot carry.
    """
    circuits = [
        with_substitutes(circuit, _keeps_units(), _reads_back, by_parameter=by_parameter)
        for circuit in circuits
    ]
    if annotations:
        options["annotation_factories"] = {NAMESPACE: AnnotationRecords}
    return _written(circuits, version, **options)


def _written(circuits: Sequence[QuantumCircuit], version: int, **options: Any) -> bytes:
    stream = io.BytesIO()
    qpy.dump(list(circuits), stream, version=version, **options)
    return stream.getvalue()


@cache
def _keeps_units() -> bool:
    """Tell whether 3 ns come back as such; from Qiskit 2.6 they come back as 3 dt."""
    circuit = QuantumCircuit(1)
    circuit.delay(3, 0, "ns")
    (delay,) = delays_of(_read(_written([circuit], VERSION)))
    return delay.unit == "ns"


def _reads_back(circuit: QuantumCircuit) -> bool:
    """Tell whether a circuit that was written here is read without an error."""
    try:
        for step in _read(_written([circuit], VERSION)).data:
            getattr(step.operation, "definition", None)
    except Exception:  # noqa: BLE001 - whatever Qiskit raises for it, it is not read
        return False
    return True


def _read(body: bytes) -> QuantumCircuit:
    (circuit,) = qpy.load(io.BytesIO(body))
    return circuit


def read_circuit(body: bytes, limits: LoadLimits = DEFAULT_LIMITS, **options: Any) -> QuantumCircuit:
    """Read an object of exactly one circuit; arguments and errors as for ``read_circuits``."""
    circuits = read_circuits(body, limits, **options)
    if len(circuits) != 1:
        raise CircuitLoadError(f"a QPY object must hold exactly one circuit, not {len(circuits)}")
    return circuits[0]


def read_circuits(
    body: bytes,
    limits: LoadLimits = DEFAULT_LIMITS,
    *,
    newest: int = qpy.QPY_VERSION,
    annotations: type[AnnotationRecords] | None = None,
) -> list[QuantumCircuit]:
    """Read all circuits of an unpacked QPY object. Inverse of ``write_circuits``.

    Nothing is believed: what a header claims is judged before Qiskit makes room for it, and versions whose readers can
    run code are not read. ``newest`` is the newest version that is taken; ``annotations`` reads those of boxes, None where there
    must be none.

    Raises:
        CircuitLoadError: It is no such object, of a version that is not read here, or damaged.
        MemoryError: There is no room for what it asks for.
    """
    if not body.startswith(b"QISKIT") or len(body) < 7:
        raise CircuitLoadError("the QPY object does not begin like QPY")
    if not OLDEST <= body[6] <= newest:
        advice = "older ones can run code" if body[6] < OLDEST else "upgrade Qiskit, or write an older one"
        raise CircuitLoadError(
            f"QPY version {body[6]} is not supported; it must be {OLDEST} to {newest}: {advice}"
        )
    try:
        parts = judged_programs(body, most=limits.bits)
    except ValueError as cause:
        raise CircuitLoadError(f"the QPY object cannot be read: {cause}") from cause
    return [_load_one(part, limits, annotations) for part in parts]


def _load_one(body: bytes, limits: LoadLimits, annotations: type[AnnotationRecords] | None) -> QuantumCircuit:
    # Qiskit makes room for what the header claims, so the claim is checked before, and the circuit after.
    limits.check(*(claimed_size(body) or (0, 0)), 0)
    factories = {} if annotations is None else {NAMESPACE: annotations}
    with _damaged_input():
        (circuit,) = qpy.load(io.BytesIO(body), annotation_factories=factories)
    if not isinstance(circuit, QuantumCircuit):
        raise CircuitLoadError(f"a QPY object must hold circuits, not a {type(circuit).__name__}")
    limits.check(circuit.num_qubits, circuit.num_clbits, 0)
    try:
        with _damaged_input():  # some damage shows only when the instructions are looked at
            list(delays_of(circuit))
            return numbers_restored(circuit)
    except CircuitLoadError as damage:
        if not isinstance(damage.__cause__, QiskitError):
            raise
        problem = (
            f"a delay has lost its unit on the way, as happens to seconds in QPY: {damage.__cause__.message}"
        )
        raise CircuitLoadError(problem) from damage.__cause__


@contextmanager
def _damaged_input() -> Iterator[None]:
    """Report what Qiskit raises for damaged input, also from its compiled parts: panics, which are no Exception."""
    try:
        yield
    except (KeyboardInterrupt, SystemExit, MemoryError):
        raise
    except BaseException as cause:
        reason = fault_of(cause)
        if "memory allocation" in reason:
            raise MemoryError(reason) from cause
        raise CircuitLoadError(f"the QPY object cannot be read: {reason}") from cause
