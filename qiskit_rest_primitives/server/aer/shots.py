"""The classical bits of every shot of a prepared circuit: drawn from exact distributions, or simulated."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .bloch_vectors import bloch_program
from .methods import BLOCH_VECTORS, NUMPY_STATEVECTOR, PAULI_FRAMES, Method, plan
from .numpy_statevector import statevector_program
from .pauli_frames import FrameProgram, frame_program
from .preparation import PreparedCircuit
from .probabilities import OUTCOMES, Readout, draw_outcomes, pack_outcomes, saving_outcomes
from .simulation import Columns, check_shots, noise_of, run_probabilities, run_shots

Bits = NDArray[np.uint8]
WIDEST_TABLE = 12
"""Most measured qubits for whose outcomes, likely or not, counts are drawn; of more, one outcome is for every shot."""

DECIMALS = 12
"""Digits, of the largest value of a parameter, to which two values must agree to be simulated as one."""

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
        TaskFailed: Aer cannot run the circuit, or the shots are too many.
    """
    check_shots(shots)
    width = max(1, (prepared.circuit.num_clbits + 7) // 8)
    words = np.zeros((sets, shots, width), dtype=np.uint8)
    methods: dict[str, None] = {}
    noise = readout.noise
    for part, method in plan(prepared, noise, asked, sets=sets, shots=shots) if words.size else ():
        # The property costs as much as there are parameters, so it is asked once.
        wanted = set(part.circuit.parameters)
        own = {key: columns[key] for key in columns if key in wanted}
        # Without parameters all sets are one circuit: its shots are taken in one go and dealt out.
        rows = np.zeros(words.shape if own else (1, sets * shots, width), dtype=np.uint8)
        if method.name == PAULI_FRAMES:
            _follow(rows, part, readout, random)
        elif method.name == BLOCH_VECTORS:
            vectors = bloch_program(part, noise)
            assert vectors is not None  # noqa: S101 (the method was chosen because there is one)
            vectors.sample(rows, own, [readout.flips(qubit) for qubit in part.qubits], random)
        else:
            (_draw if method.table else _simulate)(rows, part, own, method, readout, random)
        words |= rows.reshape(words.shape)
        methods[method.name] = None
    return words, " + ".join(methods) or "none"


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
    state = method.name == "statevector"
    circuit, measured = prepared.remembered(
        ("table", state), lambda: saving_outcomes(prepared.circuit, state=state)
    )
    if not measured:
        return
    qubits = [(*prepared.qubits, *prepared.ancillas)[qubit] for qubit, _ in measured]
    clbits = [clbit for _, clbit in measured]
    size = max(1, MOST_PROBABILITIES >> len(measured))
    for start in range(0, len(rows), size):
        distinct, which = _distinct({key: column[start : start + size] for key, column in columns.items()})
        if method.name == NUMPY_STATEVECTOR:
            program = statevector_program(prepared)
            assert program is not None  # noqa: S101 (the method was chosen because there is one)
            (table,) = program.tables(distinct, [[(qubit, "Z") for qubit, _ in measured]])
        else:
            model = noise_of(prepared, readout.noise, method, symmetric_readout=False)
            (table,) = run_probabilities(circuit, distinct, method, [OUTCOMES], noise_model=model)
        here = rows[start : start + size]
        if len(measured) > WIDEST_TABLE:
            for row, index in zip(here, which, strict=True):
                outcomes = draw_outcomes(table[index], rows.shape[1], random)
                pack_outcomes(readout.misread(outcomes, qubits, random), clbits, row)
            continue
        outcomes = np.arange(table.shape[1])
        words = prepared.remembered(
            ("words", rows.shape[-1]),
            partial(pack_outcomes, outcomes, clbits, np.zeros((len(outcomes), rows.shape[-1]), np.uint8)),
        )
        counts = random.multinomial(rows.shape[1], readout.apply_assignment(table, qubits)[which])
        for row, count in zip(here, counts, strict=True):
            row[...] = words[random.permutation(np.repeat(outcomes, count))]


def _distinct(columns: Columns) -> tuple[Columns, NDArray[np.int64]]:
    """Return the parameter sets that differ, and which of them each set is.

    Twirling repeats few angles many times, with rounding errors that no shot noise shows. Values are compared with the
    largest of their parameter, which may be no angle, but picoseconds in seconds.
    """
    if not columns:
        return columns, np.zeros(1, dtype=np.int64)
    values = np.stack(list(columns.values()), axis=1)
    largest = np.abs(values).max(axis=0)
    table = np.round(values / np.where(np.isfinite(largest) & (largest > 0), largest, 1.0), DECIMALS)
    _, first, which = np.unique(table, axis=0, return_index=True, return_inverse=True)
    return {key: column[first] for key, column in columns.items()}, which.reshape(-1)


def _follow(rows: Bits, prepared: PreparedCircuit, readout: Readout, random: np.random.Generator) -> None:
    """Fill the rows of all parameter sets, which is one, from the Pauli frames of a Clifford circuit."""
    program = frame_program(prepared, readout.noise)
    assert program is not None  # noqa: S101 (the method was chosen because there is one)
    flips = [readout.flips(qubit) for qubit in prepared.qubits]
    outcomes = prepared.remembered("reference", lambda: _outcomes(program))
    for row in rows:
        program.sample(row, outcomes, flips, random)


def _outcomes(program: FrameProgram) -> tuple[int, ...]:
    """Return what each measurement finds in one shot without noise; which one does not matter, so it is always the same."""
    ((found,),) = run_shots([program.reference], {}, Method("stabilizer"), shots=1, seed=0, noise_model=None)
    bits = np.unpackbits(found.words[0])[::-1]
    return tuple(bits[program.recorded : program.reference.num_clbits].tolist())


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
