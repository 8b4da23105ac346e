"""The classical bits of every shot of a prepared circuit: drawn from exact distributions, or simulated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import CircuitInstruction, Measure, QuantumCircuit, Qubit

from .preparation import PreparedCircuit
from .probabilities import OUTCOMES, all_bits, saving_outcomes
from .readout import Readout
from .simulation import Columns, Method, choose_method, noise_of, run_probabilities, run_shots

__all__ = ["independent_subcircuits", "sample_shots"]

Bits = NDArray[np.uint8]
WIDEST_TABLE = 12
"""Most measured qubits whose outcome probabilities are held as one table."""
WHOLE = 6
"""Qubits up to which a circuit is not cut into independent subcircuits."""

DECIMALS = 12
"""Digits after the point to which two angles must agree to be simulated as one."""

MOST_PROBABILITIES = 1 << 22
"""Outcome probabilities held at a time, for all parameter sets of a circuit or of one setting together."""


def sample_shots(
    prepared: PreparedCircuit,
    columns: Columns,
    readout: Readout,
    asked: Mapping[str, Any],
    random: np.random.Generator,
    *,
    sets: int,
    shots: int,
) -> tuple[Bits, str]:
    """Return all classical bits of every shot, and the method of simulation.

    Args:
        prepared: A circuit with measurements.
        columns: Values of its parameters, one per set; more parameters than it has do no harm.
        readout: How qubits are read, and with what noise the circuit runs.
        asked: Options of Aer that the device asks for.
        random: Source of every seed and of the order of the shots.
        sets: How many parameter sets there are, also when the circuit has no parameters.
        shots: Shots per set.

    Returns:
        Shape (sets, shots, ceil(clbits / 8)), packed big-endian and right-aligned; and the names of the methods.

    Raises:
        TaskFailed: Aer cannot run the circuit.
    """
    width = max(1, (prepared.circuit.num_clbits + 7) // 8)
    words = np.zeros((sets, shots, width), dtype=np.uint8)
    methods: dict[str, None] = {}
    for subcircuit in _subcircuits(prepared, readout, shots, asked) if words.size else ():
        # The property costs as much as there are parameters, so it is asked once.
        wanted = set(subcircuit.circuit.parameters)
        own = {key: columns[key] for key in columns if key in wanted}
        # Without parameters all sets are one circuit: its shots are taken in one go and dealt out.
        rows = np.zeros(words.shape if own else (1, sets * shots, width), dtype=np.uint8)
        method = choose_method(subcircuit, readout.noise, rows.shape[1], asked)
        pure = readout.noise is None and not subcircuit.mixes
        tabled = method.name == "density_matrix" or (pure and method.name == "statevector")
        exact = subcircuit.static and tabled and subcircuit.num_measured <= WIDEST_TABLE
        if exact and not (readout.noise and readout.noise.disturbs_measurement):
            _draw(rows, subcircuit, own, method, readout, random)
        else:
            _simulate(rows, subcircuit, own, method, readout, random)
        words |= rows.reshape(words.shape)
        methods[method.name] = None
    return words, " + ".join(methods) or "none"


def _subcircuits(
    prepared: PreparedCircuit, readout: Readout, shots: int, asked: Mapping[str, Any]
) -> Sequence[PreparedCircuit]:
    """Return what is simulated separately: the whole circuit if it is small, or easy in one piece."""
    if not prepared.qubits:
        return ()
    whole = choose_method(prepared, readout.noise, shots, asked)
    if len(prepared.qubits) <= WHOLE or not prepared.static or whole.name == "stabilizer":
        return (prepared,)
    return independent_subcircuits(prepared)


def _draw(
    rows: Bits,
    prepared: PreparedCircuit,
    columns: Columns,
    method: Method,
    readout: Readout,
    random: np.random.Generator,
) -> None:
    """Fill one row per parameter set from the exact distribution of its outcomes.

    This is what Aer itself does with a circuit whose measurements come last, done for all shots at once.
    """
    circuit, measured = prepared.remembered("table", lambda: saving_outcomes(prepared.circuit))
    if not measured:
        return
    model = noise_of(prepared, readout.noise, method, symmetric_readout=False)
    qubits = [prepared.qubits[qubit] for qubit, _ in measured]
    outcomes = _outcome_words([clbit for _, clbit in measured], rows.shape[-1])
    size = max(1, MOST_PROBABILITIES >> len(measured))
    for start in range(0, len(rows), size):
        distinct, which = _distinct({key: column[start : start + size] for key, column in columns.items()})
        (table,) = run_probabilities(circuit, distinct, method, [OUTCOMES], noise_model=model)
        counts = random.multinomial(rows.shape[1], readout.apply_assignment(table, qubits)[which])
        for row, count in zip(rows[start : start + size], counts, strict=True):
            row[...] = outcomes[random.permutation(np.repeat(np.arange(len(count)), count))]


def _distinct(columns: Columns) -> tuple[Columns, NDArray[np.int64]]:
    """Return the parameter sets that differ, and which of them each set is.

    Twirling repeats few angles many times, with rounding errors that no shot noise shows.
    """
    if not columns:
        return columns, np.zeros(1, dtype=np.int64)
    table = np.stack([np.round(column, DECIMALS) for column in columns.values()], axis=1)
    _, first, which = np.unique(table, axis=0, return_index=True, return_inverse=True)
    return {key: column[first] for key, column in columns.items()}, which.reshape(-1)


def _simulate(
    rows: Bits,
    prepared: PreparedCircuit,
    columns: Columns,
    method: Method,
    readout: Readout,
    random: np.random.Generator,
) -> None:
    """Fill one row per parameter set from a simulation of every shot."""
    model = noise_of(prepared, readout.noise, method, symmetric_readout=readout.symmetric)
    (found,) = run_shots(
        [prepared.circuit],
        columns,
        method,
        shots=rows.shape[1],
        seed=int(random.integers(2**31)),
        noise_model=model,
    )
    for row, samples in zip(rows, found, strict=True):
        row[...] = samples.shuffled(random)


def _outcome_words(clbits: Sequence[int], width: int) -> Bits:
    """Return the packed classical bits of every outcome of the measured qubits."""
    bits = all_bits(len(clbits))
    words = np.zeros((len(bits), width), dtype=np.uint8)
    for column, clbit in enumerate(clbits):
        words[:, width - 1 - clbit // 8] |= bits[:, column] << (clbit % 8)
    return words


TOGETHER = 5
"""Qubits up to which small subcircuits are simulated together: one state is cheaper than several calls of Aer.

Not so those with parameters, whose sets differ less, the fewer parameters they have.
"""


def independent_subcircuits(prepared: PreparedCircuit) -> tuple[PreparedCircuit, ...]:
    """Cut a static circuit; what no measurement depends on is left out.

    Args:
        prepared: A circuit whose measurements come last (``static``).

    Returns:
        Circuits on disjoint qubits, which together write the same classical bits with the same distribution. All
        have all classical bits.
    """
    return prepared.remembered("subcircuits", lambda: _cut(prepared))


def _cut(prepared: PreparedCircuit) -> tuple[PreparedCircuit, ...]:
    seen, cone = _seen(prepared.circuit.data)
    leader = _leaders(prepared.circuit.qubits, seen)
    steps: dict[Qubit, list[CircuitInstruction]] = {}
    for step in seen:
        steps.setdefault(leader[step.qubits[0]], []).append(step)
    members: dict[Qubit, list[Qubit]] = {}
    for qubit in prepared.circuit.qubits:
        if qubit in cone:
            members.setdefault(leader[qubit], []).append(qubit)
    return tuple(
        _subcircuit(
            prepared, [qubit for head in heads for qubit in members[head]], [steps[head] for head in heads]
        )
        for heads in _packed([(head, _size(members[head], steps[head])) for head in members])
    )


def _seen(data: Sequence[CircuitInstruction]) -> tuple[list[CircuitInstruction], set[Qubit]]:
    """Return the instructions that a measurement can tell of (its past light cone), and their qubits.

    What comes after, or happens elsewhere, changes no outcome, with noise or without.
    """
    cone: set[Qubit] = set()
    seen = []
    for step in reversed(data):
        if isinstance(step.operation, Measure) or not cone.isdisjoint(step.qubits):
            cone.update(step.qubits)
            seen.append(step)
    return seen[::-1], cone


def _leaders(qubits: Sequence[Qubit], steps: Sequence[CircuitInstruction]) -> dict[Qubit, Qubit]:
    """Return for each qubit the one that stands for its connected component."""
    leader = {qubit: qubit for qubit in qubits}

    def find(qubit: Qubit) -> Qubit:
        while leader[qubit] is not qubit:
            leader[qubit] = qubit = leader[leader[qubit]]
        return qubit

    for step in steps:
        for other in step.qubits[1:]:
            leader[find(other)] = find(step.qubits[0])
    return {qubit: find(qubit) for qubit in qubits}


def _size(qubits: Sequence[Qubit], steps: Sequence[CircuitInstruction]) -> int:
    """Return the room that a component takes: its qubits, or all of it if it has parameters."""
    parameters = any(step.is_parameterized() for step in steps)
    return max(TOGETHER, len(qubits)) if parameters else len(qubits)


def _packed(sizes: Sequence[tuple[Qubit, int]]) -> list[list[Qubit]]:
    """Put small components together, in the order in which they come."""
    packs: list[list[Qubit]] = []
    room = 0
    for head, size in sizes:
        if size > room:
            packs.append([])
            room = max(TOGETHER, size)
        packs[-1].append(head)
        room -= size
    return packs


def _subcircuit(
    prepared: PreparedCircuit, qubits: Sequence[Qubit], steps: Sequence[Sequence[CircuitInstruction]]
) -> PreparedCircuit:
    circuit = prepared.circuit
    subcircuit = QuantumCircuit(list(qubits), circuit.clbits)
    for own in steps:
        for step in own:
            subcircuit.append(step, copy=False)
    place = dict(zip(circuit.qubits, prepared.qubits, strict=True))
    where = tuple(place[qubit] for qubit in qubits)
    return replace(
        prepared,
        circuit=subcircuit,
        qubits=where,
        operations=frozenset(entry for entry in prepared.operations if set(entry[1]) <= set(where)),
        idle_measurements=(),
        num_measured=sum(isinstance(step.operation, Measure) for step in subcircuit.data),
        _scratch={},
    )
