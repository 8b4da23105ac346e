"""What unchanged circuits were written as: a memory by identity that notices every change in place.

A circuit is remembered if it consists of standard gates, measurements, resets, barriers and fixed delays, of
which Qiskit's core can say cheaply and exactly whether they are still the same. Others are written anew each
time: gates that are Python objects can be changed behind the circuit's back.
"""

from __future__ import annotations

import copy
import sys
import weakref
from collections.abc import Hashable
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import Barrier, CircuitInstruction, Delay, Measure, ParameterExpression, Reset

from .._locks import fork_safe_lock

_Value = TypeVar("_Value")
_PLAIN = {"measure": Measure, "reset": Reset, "barrier": Barrier, "delay": Delay}


class _Entry(NamedTuple):
    circuit: weakref.ref[QuantumCircuit]
    data: Any
    facts: tuple[Any, ...]
    values: dict[Hashable, Any]

    def describes(self, circuit: QuantumCircuit) -> bool:
        """Tell whether the circuit known under this identity is still there, and still the same."""
        return self.circuit() is not None and self.facts == _facts(circuit) and self.data == circuit._data


class Remembered(Generic[_Value]):
    """A memory of values computed from circuits; entries go when their circuit does."""

    def __init__(self) -> None:
        self._entries: dict[int, _Entry] = {}
        self._lock = fork_safe_lock()

    def get(self, circuit: QuantumCircuit, key: Hashable) -> _Value | None:
        """Return what was put for this very circuit under this key, None if there is nothing or it changed."""
        with self._lock:
            entry = self._entries.get(id(circuit))
        if entry is None or key not in entry.values or not entry.describes(circuit):
            return None
        return entry.values[key]

    def put(self, circuit: QuantumCircuit, key: Hashable, value: _Value) -> None:
        """Remember a value as long as the circuit lives and does not change."""
        if not is_plain(circuit):
            return
        identity = id(circuit)

        def forget(reference: weakref.ref[QuantumCircuit]) -> None:
            with self._lock:
                entry = self._entries.get(identity)
                if entry is not None and entry.circuit is reference:
                    del self._entries[identity]

        with self._lock:
            entry = self._entries.get(identity)
            if entry is not None and entry.describes(circuit):
                entry.values[key] = value
                return
            reference = weakref.ref(circuit, forget)
            self._entries[identity] = _Entry(reference, circuit._data.copy(), _facts(circuit), {key: value})

    def __len__(self) -> int:
        return len(self._entries)


def is_plain(circuit: QuantumCircuit) -> bool:
    """Tell whether a circuit is standard gates, measurements, resets, barriers and fixed delays alone.

    Then copies share nothing with it that can change, and its core can be compared exactly.
    """
    if circuit.num_identifiers:
        return False
    return all(step.is_standard_gate() or _is_plain_step(step) for step in circuit._data)


def _is_plain_step(step: CircuitInstruction) -> bool:
    """Tell whether an instruction is Qiskit's own, with nothing in it that could change unseen."""
    kind = _PLAIN.get(step.name)
    return (
        kind is not None
        and step.operation.base_class is kind
        and not any(isinstance(value, ParameterExpression) for value in step.params)
    )


def _shown(metadata: object) -> str:
    """Return metadata as text that tells any two apart; NumPy would leave out the middle of long arrays."""
    with np.printoptions(threshold=sys.maxsize, precision=17):
        return repr(metadata)


def _facts(circuit: QuantumCircuit) -> tuple[Any, ...]:
    """Return what counts besides the instructions."""
    return (
        circuit.name,
        _shown(circuit.metadata) if circuit.metadata else "",
        tuple(circuit.cregs),
        circuit.num_qubits,
        circuit.num_clbits,
        circuit.global_phase,
    )


def independent_copy(circuit: QuantumCircuit) -> QuantumCircuit:
    """Return an equal circuit whose gates, in blocks too, are its own.

    ``copy.deepcopy`` of Qiskit 2.6 does not copy what stands in blocks of control flow, and ``assign_parameters``
    changes gates with definitions there, in copies and originals alike.
    """
    fresh = circuit.copy_empty_like()
    for step in circuit.data:
        operation = step.operation
        if step.is_control_flow() and getattr(operation, "blocks", ()):
            operation = operation.replace_blocks([independent_copy(block) for block in operation.blocks])
        elif not step.is_standard_gate():
            operation = copy.deepcopy(operation)
        fresh.append(step.replace(operation=operation), copy=False)
    return fresh
