"""The layers of two-qubit gates in circuits, as twirling and noise learning see them (rest-api.md 4.7)."""

from __future__ import annotations

import operator
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from qiskit.circuit import CircuitInstruction, ControlFlowOp, QuantumCircuit
from qiskit.circuit.library.standard_gates import get_standard_gate_name_mapping

from ..job_errors import INVALID, TaskFailed

STRATEGIES = ("active", "active-accum", "active-circuit", "all")
Qargs = tuple[int, ...]

_WITHOUT_PARAMETERS = {
    name: gate
    for name, gate in get_standard_gate_name_mapping().items()
    if gate.num_qubits == 2 and not gate.params and not gate.num_clbits
}


@dataclass(frozen=True)
class GateLayer:
    """Gates that run at the same time.

    Attributes:
        gates: Name and device qubits of each, in the order of the qubits.
        qubits: The device qubits that are twirled, in ascending order; those of the gates among them.
    """

    gates: tuple[tuple[str, Qargs], ...]
    qubits: Qargs

    def circuit(self) -> QuantumCircuit:
        """Return the layer as a circuit whose qubit k is device qubit ``qubits[k]``."""
        circuit = QuantumCircuit(len(self.qubits), name="layer")
        place = {qubit: index for index, qubit in enumerate(self.qubits)}
        for name, where in self.gates:
            circuit.append(_WITHOUT_PARAMETERS[name], [place[qubit] for qubit in where])
        return circuit


def layers_of(circuit: QuantumCircuit, strategy: str) -> list[GateLayer]:
    """Return the layers of a circuit, whose qubit k is device qubit k, in order of time, each as often as it occurs.

    Every gate is put into the earliest layer that the gates, barriers, measurements and resets before it allow;
    gates on one qubit and delays do not count. The strategy, one of ``STRATEGIES``, says which qubits are twirled.

    Raises:
        TaskFailed: The circuit has an instruction that cannot be in a layer, nor between two.
    """
    place = {qubit: index for index, qubit in enumerate(circuit.qubits)}
    groups: dict[int, list[tuple[str, Qargs]]] = defaultdict(list)
    for level, kind, step in scheduled(circuit):
        if kind == 1:
            groups[level].append((step.name, tuple(place[qubit] for qubit in step.qubits)))
    ordered = [tuple(sorted(groups[index], key=lambda gate: gate[1])) for index in sorted(groups)]
    return _twirled(ordered, strategy, circuit.num_qubits)


def scheduled(circuit: QuantumCircuit) -> Iterator[tuple[int, int, CircuitInstruction]]:
    """Yield each instruction with its layer, and 1 for the gates of the layer, 0 for what comes before them, 2 after.

    Sorted by both numbers, the instructions are the same circuit, layer by layer.
    """
    free: dict[object, int] = defaultdict(int)  # the first layer that can take each bit
    for step in circuit.data:
        bits = (*step.qubits, *step.clbits)
        first, kind = max((free[bit] for bit in bits), default=0), 0
        if step.name == "barrier":
            kind = 2
            free.update(dict.fromkeys(step.qubits, first + 1))
        elif step.name in ("measure", "reset"):
            free.update(dict.fromkeys(bits, first))
        elif _is_entangling(step):
            kind = 1
            free.update(dict.fromkeys(step.qubits, first + 1))
        yield first, kind, step


def neighbours(coupling: Iterable[Sequence[int]] | None, gates: Iterable[Qargs]) -> list[tuple[int, int]]:
    """Return the pairs of a coupling map; those of the gates if there is none: every qubit is next to every other."""
    pairs = gates if coupling is None else coupling
    return sorted({(min(pair), max(pair)) for pair in pairs})


def inside(qubits: Sequence[int], pairs: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the pairs among some qubits, by number of the qubit."""
    place = {qubit: index for index, qubit in enumerate(qubits)}
    return [(place[first], place[second]) for first, second in pairs if first in place and second in place]


def _twirled(layers: list[tuple[tuple[str, Qargs], ...]], strategy: str, num_qubits: int) -> list[GateLayer]:
    active = [{qubit for _, where in gates for qubit in where} for gates in layers]
    if strategy == "active-accum":
        active = list(accumulate(active, operator.or_))
    elif strategy == "active-circuit":
        active = [set().union(*active)] * len(active)
    elif strategy == "all":
        active = [set(range(num_qubits))] * len(active)
    return [GateLayer(gates, tuple(sorted(qubits))) for gates, qubits in zip(layers, active, strict=True)]


def _is_entangling(step: CircuitInstruction) -> bool:
    """Tell whether an instruction belongs into a layer; one that cannot be twirled, or hides what it does, is refused."""
    operation = step.operation
    standard = _WITHOUT_PARAMETERS.get(step.name)
    if standard is not None and operation.base_class is standard.base_class:
        return True
    if isinstance(operation, ControlFlowOp) or len(step.qubits) > 1:
        raise TaskFailed(
            f"The circuit has the instruction {step.name} on {len(step.qubits)} qubits, which cannot be twirled.",
            INVALID,
            "Transpile the circuit to cx, cz or ecr, without control flow.",
        )
    return False


def ranked(layers: Iterable[GateLayer]) -> Mapping[GateLayer, int]:
    """Return the distinct layers and how often each occurs, the most frequent first.

    Of those that occur equally often the one with more gates comes first, then the one that was met first.
    """
    counts = Counter(layers)
    return dict(sorted(counts.items(), key=lambda entry: (-entry[1], -len(entry[0].gates))))
