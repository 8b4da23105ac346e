"""One Sampler PUB -> its result: bits of every register, in shot order (rest-api.md 4.2, 4.11)."""

from __future__ import annotations

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
from .preparation import PreparedCircuit
from .run_options import RunOptions
from .simulation import Columns, Samples, choose_method, noise_of, run_shots

__all__ = ["columns_of", "sample"]

Bits = NDArray[np.uint8]


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
    words, method = _words(pub, prepared, noise, options, random)
    data = {}
    places = {bit: index for index, bit in enumerate(pub.circuit.clbits)}
    for register in pub.circuit.cregs:
        columns = [places[bit] for bit in register]
        packed = _register(words, columns, pub.circuit.num_clbits)
        data[register.name] = _as_measured(packed, len(columns), options.meas_type, random)
    metadata: dict[str, Any] = {
        "shots": pub.shots,
        "circuit_metadata": pub.circuit.metadata or {},
        "simulation": {"method": method, "qubits": len(prepared.qubits)},
    }
    return SamplerPubResult(DataBin(**data, shape=pub.shape), metadata)


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
    circuit = prepared.circuit
    sets = int(np.prod(pub.shape, dtype=int))
    columns = columns_of(pub, circuit)
    width = max(1, (circuit.num_clbits + 7) // 8)
    words = np.zeros((sets, pub.shots, width), dtype=np.uint8)
    # Without parameters all sets are one circuit: its shots are taken in one go and dealt out.
    shots = pub.shots if columns else pub.shots * sets
    method = choose_method(prepared, noise, shots)
    name = method.name
    if prepared.qubits and shots and sets:
        model = noise_of(prepared, noise, method, symmetric_readout=options.twirl_measure)
        found = run_shots(
            [circuit], columns, method, shots=shots, seed=int(random.integers(2**31)), noise_model=model
        )[0]
        for row, samples in zip(_rows(words, found), found, strict=True):
            row[...] = samples.shuffled(random)
    _read_idle(words, prepared, noise, options, random)
    return words.reshape(*pub.shape, pub.shots, width), name


def _rows(words: Bits, found: Sequence[Samples]) -> list[Bits]:
    """Return where the samples go: one row of sets each, or everything to the only ones."""
    return [words.reshape(-1, words.shape[-1])] if len(found) == 1 else list(words)


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
    packed: Bits, num_bits: int, meas_type: str, random: np.random.Generator
) -> BitArray | NDArray[np.complex128]:
    array = BitArray(packed, num_bits)
    if meas_type == "classified":
        return array
    places = np.arange(num_bits)
    bits: Bits = packed[..., packed.shape[-1] - 1 - places // 8] >> (places % 8).astype(np.uint8) & np.uint8(
        1
    )
    points = signals(bits, random)
    return points if meas_type == "kerneled" else points.mean(axis=-2)
