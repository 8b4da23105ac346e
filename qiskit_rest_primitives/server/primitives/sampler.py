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

from ...wire.samples import gather_bits
from ..aer.preparation import PreparedCircuit
from ..aer.probabilities import Readout
from ..aer.shots import sample_shots
from ..aer.simulation import Columns
from ..devices.noise import NoiseSource
from ..job_errors import INVALID, TaskFailed
from .options import RunOptions

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
        One BitArray per register (none without registers, as the official local mode gives), in the order of declaration,
        shape ``pub.shape``; with ``kerneled`` complex arrays of shape ``(*pub.shape, shots, bits)``, with ``avg_kerneled``
        ``(*pub.shape, bits)``.
    """
    words, method = _words(pub, prepared, noise, options, random)
    places = {bit: index for index, bit in enumerate(pub.circuit.clbits)}
    data: dict[str, Any] = {}
    for register in pub.circuit.cregs:
        columns = [places[bit] for bit in register]
        bits = BitArray(_register(words, columns, pub.circuit.num_clbits), len(columns))
        data[register.name] = _as_measured(bits, options.meas_type, random)
    metadata: dict[str, Any] = {
        "shots": pub.shots,
        "circuit_metadata": pub.circuit.metadata or {},
        "simulation": {"method": method, "qubits": len(prepared.qubits)},
    }
    if options.twirled:
        metadata["num_randomizations"] = options.num_randomizations(pub.shots)
    return SamplerPubResult(_data_bin(data, pub.shape), metadata)


def _data_bin(data: dict[str, Any], shape: tuple[int, ...]) -> DataBin:
    try:
        return DataBin(**data, shape=shape)
    except (TypeError, ValueError, AttributeError) as cause:
        names = ", ".join(data)
        raise TaskFailed(
            f"A register has a name that Qiskit's results cannot hold (of {names[:200]}).",
            INVALID,
            "Rename registers called shape, keys, values or items.",
        ) from cause


def columns_of(pub: SamplerPub | EstimatorPub, circuit: QuantumCircuit) -> Columns:
    """Return one flat array of values per parameter of the circuit, in the order of the PUB's sets."""
    given = {
        name: values[..., index]
        for names, values in pub.parameter_values.data.items()
        for index, name in enumerate(names)
    }
    return {parameter: given[parameter.name].ravel() for parameter in circuit.parameters}


def _words(
    pub: SamplerPub,
    prepared: PreparedCircuit,
    noise: NoiseSource | None,
    options: RunOptions,
    random: np.random.Generator,
) -> tuple[Bits, str]:
    """Return all classical bits of every shot, shape (*pub.shape, shots, bytes), and the method."""
    readout = Readout(noise, symmetric=options.twirl_measure)
    columns = columns_of(pub, prepared.circuit)
    sets = math.prod(pub.shape)
    words, method = sample_shots(
        prepared, columns, readout, options.simulation, random, sets=sets, shots=pub.shots
    )
    _read_idle(words, prepared, readout, random)
    return words.reshape(*pub.shape, *words.shape[1:]), method


def _read_idle(words: Bits, prepared: PreparedCircuit, readout: Readout, random: np.random.Generator) -> None:
    """Read the qubits that nothing acts on: 0, except for the readout error."""
    if readout.noise is None:
        return
    for qubit, clbit in prepared.idle_measurements:
        flipped = (random.random(words.shape[:2]) < readout.flips(qubit)[0]).astype(np.uint8)
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


CENTRES = (-1.0 + 0.5j, 1.0 + 0.5j)
"""Mean signal of a qubit read as 0 and as 1, arbitrary units."""

SPREAD = 0.25
"""Standard deviation of the signal in each of the two directions."""


def signals(bits: NDArray[np.uint8], random: np.random.Generator) -> NDArray[np.complex128]:
    """Return one signal per bit, complex, of the shape of ``bits``."""
    centres = np.where(bits == 1, CENTRES[1], CENTRES[0])
    noise = random.standard_normal((*bits.shape, 2)) * SPREAD
    return centres + noise[..., 0] + 1j * noise[..., 1]
