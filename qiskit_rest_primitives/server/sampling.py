"""One Sampler PUB -> its result: bits of every register, in shot order (rest-api.md 4.2, 4.11)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit
from qiskit.primitives.containers import BitArray, DataBin, SamplerPubResult
from qiskit.primitives.containers.estimator_pub import EstimatorPub
from qiskit.primitives.containers.sampler_pub import SamplerPub

from ..wire.samples import gather_bits
from .failures import INVALID, TaskFailed
from .kerneled import signals
from .noise import NoiseSource
from .parts import independent_parts
from .preparation import PreparedCircuit
from .readout import Readout
from .run_options import RunOptions
from .simulation import Columns, Method, choose_method, noise_of, run_probabilities, run_shots
from .tables import OUTCOMES, all_bits, saving_outcomes

__all__ = ["columns_of", "measure", "sample"]

Bits = NDArray[np.uint8]
TABLED = ("statevector", "density_matrix")
WIDEST_TABLE = 12
WHOLE = 6
"""Qubits up to which a circuit is not cut into independent parts."""

DECIMALS = 12
"""Digits after the point to which two angles must agree to be simulated as one."""

MOST_PROBABILITIES = 1 << 22
"""Outcome probabilities held at a time, for all parameter sets together."""


def sample(
    pub: SamplerPub,
    prepared: PreparedCircuit,
    noise: NoiseSource | None,
    options: RunOptions,
    random: np.random.Generator,
) -> SamplerPubResult:
    """Run one PUB.

    Args:
        pub: Circuit as loaded, values, shots.
        prepared: ``preparation.prepare`` of that circuit.
        noise: Noise of the device, or of the job's own noise model; None for ideal.
        options: ``meas_type`` and ``twirl_measure`` are honoured.
        random: Source of every seed and of the order of the shots.

    Returns:
        One BitArray per register, in the order of declaration, shape ``pub.shape``; with ``kerneled`` complex
        arrays of shape ``(*pub.shape, shots, bits)``, with ``avg_kerneled`` ``(*pub.shape, bits)``.

    Raises:
        TaskFailed: The circuit has no classical register, or Aer cannot run it.
    """
    if not any(len(register) for register in pub.circuit.cregs):
        raise TaskFailed(
            "The circuit has no classical register, so there is nothing to sample.",
            INVALID,
            "Add measurements, for example with QuantumCircuit.measure_all().",
        )
    found, method = measure(pub, prepared, noise, options, random)
    data = {name: _as_measured(bits, options.meas_type, random) for name, bits in found.items()}
    metadata: dict[str, Any] = {
        "shots": pub.shots,
        "circuit_metadata": pub.circuit.metadata or {},
        "simulation": {"method": method, "qubits": len(prepared.qubits)},
    }
    if options.twirled:
        metadata["num_randomizations"] = options.num_randomizations(pub.shots)
    return SamplerPubResult(DataBin(**data, shape=pub.shape), metadata)


def measure(
    pub: SamplerPub,
    prepared: PreparedCircuit,
    noise: NoiseSource | None,
    options: RunOptions,
    random: np.random.Generator,
) -> tuple[dict[str, BitArray], str]:
    """Return the bits of every register of a PUB, as they are read, and the name of the simulation method.

    Args:
        pub: See ``sample``, as for the others.
        prepared: See ``sample``.
        noise: See ``sample``.
        options: ``twirl_measure`` is honoured.
        random: See ``sample``.
    """
    words, method = _words(pub, prepared, noise, options, random)
    places = {bit: index for index, bit in enumerate(pub.circuit.clbits)}
    found = {}
    for register in pub.circuit.cregs:
        columns = [places[bit] for bit in register]
        found[register.name] = BitArray(_register(words, columns, pub.circuit.num_clbits), len(columns))
    return found, method


def columns_of(pub: SamplerPub | EstimatorPub, circuit: QuantumCircuit) -> Columns:
    """Return one flat array of values per parameter of the circuit, in the order of the PUB's sets."""
    if not circuit.num_parameters:
        return {}
    order = list(pub.circuit.parameters)
    table = pub.parameter_values.as_array(order).reshape(-1, len(order))
    wanted = set(circuit.parameters)
    return {parameter: table[:, index] for index, parameter in enumerate(order) if parameter in wanted}


def _words(
    pub: SamplerPub,
    prepared: PreparedCircuit,
    noise: NoiseSource | None,
    options: RunOptions,
    random: np.random.Generator,
) -> tuple[Bits, str]:
    """Return all classical bits of every shot, shape (*pub.shape, shots, bytes), and the method."""
    sets = math.prod(pub.shape)
    width = max(1, (prepared.circuit.num_clbits + 7) // 8)
    words = np.zeros((sets, pub.shots, width), dtype=np.uint8)
    methods: dict[str, None] = {}
    for part in _parts(prepared, noise, words.shape[1], options) if words.size else ():
        columns = columns_of(pub, part.circuit)
        # Without parameters all sets are one circuit: its shots are taken in one go and dealt out.
        shape = words.shape if columns else (1, sets * pub.shots, width)
        rows = np.zeros(shape, dtype=np.uint8)
        method = choose_method(part, noise, rows.shape[1], options.simulation)
        _run_part(rows, part, columns, method, noise, options, random)
        words |= rows.reshape(words.shape)
        methods[method.name] = None
    _read_idle(words, prepared, noise, options, random)
    return words.reshape(*pub.shape, pub.shots, width), " + ".join(methods) or "none"


def _parts(
    prepared: PreparedCircuit, noise: NoiseSource | None, shots: int, options: RunOptions
) -> Sequence[PreparedCircuit]:
    """Return what is simulated separately: the whole circuit if it is small, or easy in one piece."""
    if not prepared.qubits:
        return ()
    whole = choose_method(prepared, noise, shots, options.simulation)
    if len(prepared.qubits) <= WHOLE or not prepared.static or whole.name == "stabilizer":
        return (prepared,)
    return independent_parts(prepared)


def _run_part(
    rows: Bits,
    prepared: PreparedCircuit,
    columns: Columns,
    method: Method,
    noise: NoiseSource | None,
    options: RunOptions,
    random: np.random.Generator,
) -> None:
    exact = prepared.static and method.name in TABLED and prepared.num_measured <= WIDEST_TABLE
    if exact and not (noise and noise.disturbs_measurement):
        readout = Readout(noise, symmetric=options.twirl_measure)
        _draw(rows, prepared, columns, method, readout, random)
    else:
        _shoot(rows, prepared, columns, method, noise, options, random)


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
        part, which = _distinct({key: column[start : start + size] for key, column in columns.items()})
        (table,) = run_probabilities(circuit, part, method, [OUTCOMES], noise_model=model)
        counts = random.multinomial(rows.shape[1], readout.blur(table, qubits)[which])
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


def _shoot(
    rows: Bits,
    prepared: PreparedCircuit,
    columns: Columns,
    method: Method,
    noise: NoiseSource | None,
    options: RunOptions,
    random: np.random.Generator,
) -> None:
    """Fill one row per parameter set from a simulation of every shot."""
    model = noise_of(prepared, noise, method, symmetric_readout=options.twirl_measure)
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


def _read_idle(
    words: Bits,
    prepared: PreparedCircuit,
    noise: NoiseSource | None,
    options: RunOptions,
    random: np.random.Generator,
) -> None:
    """Read the qubits that nothing acts on: 0, except for the readout error."""
    if noise is None:
        return
    for qubit, clbit in prepared.idle_measurements:
        false_one, missed_one = noise.flips(qubit)
        rate = (false_one + missed_one) / 2 if options.twirl_measure else false_one
        flipped = (random.random(words.shape[:2]) < rate).astype(np.uint8)
        words[..., words.shape[-1] - 1 - clbit // 8] |= flipped << (clbit % 8)


def _register(words: Bits, columns: Sequence[int], num_clbits: int) -> Bits:
    if list(columns) == list(range(num_clbits)):
        return words
    return gather_bits([(words, column) for column in columns], words.shape[:-1])


def _as_measured(
    found: BitArray, meas_type: str, random: np.random.Generator
) -> BitArray | NDArray[np.complex128]:
    if meas_type == "classified":
        return found
    packed, places = found.array, np.arange(found.num_bits)
    bits: Bits = packed[..., packed.shape[-1] - 1 - places // 8] >> (places % 8).astype(np.uint8) & np.uint8(
        1
    )
    points = signals(bits, random)
    return points if meas_type == "kerneled" else points.mean(axis=-2)
