"""Learning the noise of one layer of gates: cycle benchmarking on Aer (van den Berg et al., Nature Physics 19, 1116, 2023).

The layer is repeated an even number of times, which is the identity because its gates are their own inverses, between
layers of single-qubit gates that prepare, twirl and measure. The latter all are rz-sx-rz-sx-rz, on every qubit alike,
as devices run twirled circuits: so their noise belongs to what is learned. As gates of a layer do not overlap, each
is simulated on its own; cost grows with the number of qubits only linearly, whatever the noise. Only where qubits that
wait for gates have errors of their own, which may join them, the layer is simulated as a whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import Parameter, QuantumCircuit
from qiskit.exceptions import QiskitError
from qiskit.quantum_info import Clifford, PauliList
from qiskit.synthesis import OneQubitEulerDecomposer

from ..aer.methods import Method
from ..aer.preparation import prepare
from ..aer.probabilities import Readout
from ..aer.shots import sample_shots
from ..aer.simulation import MOST_SHOTS, run_shots
from ..devices.noise import NoiseSource
from ..job_errors import INVALID, TaskFailed
from .lindblad import covering_bases, fit_decays, fit_rates

MOST_TWIRLS = 10_000_000
"""Most twirls of single qubits in all circuits of one depth, each of which takes some 60 bytes."""

MOST_GENERATORS = 4_000
"""Most generators of a model: the fit of rates needs minutes for more, and memory with the square of their number."""

_SMALL = (("max_parallel_threads", 1), ("fusion_enable", False))
"""Options of Aer for states of two qubits: its threads wait for each other longer than they calculate."""

Pair = tuple[int, int]
Bits = NDArray[np.bool_]
Letters = NDArray[np.int8]


@dataclass(frozen=True)
class Protocol:
    """How long to measure.

    Attributes:
        depths: Numbers of layer pairs; at least two different ones, 0 or larger.
        randomizations: Random circuits for each basis and depth.
        shots: Shots of each of them.
    """

    depths: tuple[int, ...] = (0, 1, 2, 4, 16, 32)
    randomizations: int = 32
    shots: int = 128


@dataclass(frozen=True)
class LearnedLayer:
    """The Pauli-Lindblad model of one application of a layer and of the single-qubit gates before it.

    Attributes:
        generators: On the qubits of the layer: all Paulis on one qubit, and on two that are a pair.
        rates: One per generator, 0 or larger, shape (generators,).
        stds: Their standard errors, same shape.
        circuits: How many random circuits were run.
    """

    generators: PauliList
    rates: NDArray[np.float64]
    stds: NDArray[np.float64]
    circuits: int


def is_learnable(gate: Any) -> bool:
    """Tell whether a gate on two qubits can be learned: a Clifford gate that is its own inverse, such as cx, cz, ecr."""
    try:
        clifford = Clifford(gate)
        return bool(clifford.compose(clifford) == Clifford(QuantumCircuit(clifford.num_qubits)))
    except (QiskitError, ValueError, TypeError):
        return False


def learn_layer(
    layer: QuantumCircuit,
    qubits: Sequence[int],
    pairs: Sequence[Pair],
    noise: NoiseSource | None,
    protocol: Protocol,
    random: np.random.Generator,
) -> LearnedLayer:
    """Learn the noise of one layer.

    Only products of the fidelities of a Pauli and of its image under the layer decay measurably; the two are taken
    to be equal, as everywhere in the literature. So a channel is learned that the layer's gates commute with: the
    device's own, if it is like that, else its symmetric part.

    Args:
        layer: Gates on two qubits that do not overlap (``is_learnable``), and barriers; its qubit k is device qubit
            ``qubits[k]``. Qubits without a gate are twirled and learned too.
        qubits: See ``layer``.
        pairs: Neighbours on the device, by number of the layer's qubit: whose joint errors the model has.
        noise: The noise of the device.
        protocol: How long to measure.
        random: Source of everything random: equal states give equal results.

    Returns:
        The model. Generators are in the order of the qubits (X, Y, Z each), then in that of the pairs
        (XX, XY, ..., ZZ each, the first letter that of the first of the pair).

    Raises:
        TaskFailed: The layer cannot be learned, the protocol makes no sense or asks for too many shots, or Aer fails.
    """
    bases = covering_bases(layer.num_qubits, pairs)
    count = len(bases) * protocol.randomizations
    check_size(protocol, layer.num_qubits, count)
    supports = _supports(layer.num_qubits, pairs)
    experiment = Experiment(layer, qubits, noise, np.repeat(bases, protocol.randomizations, axis=0))
    measured = [experiment.run(depth, protocol.shots, random) for depth in protocol.depths]
    values, variances = averages(measured, experiment.bases, supports)
    # A pair of layers applies the noise twice: to the operator, and to its image.
    decays = fit_decays(2.0 * np.array(protocol.depths, dtype=np.float64), values, variances)
    generators = _paulis(layer.num_qubits, supports)
    rates, stds = fit_rates(~_commutation(generators), decays)
    return LearnedLayer(generators, rates, stds, count * len(protocol.depths))


def mock_layer(num_qubits: int, pairs: Sequence[Pair], random: np.random.Generator) -> LearnedLayer:
    """Return what ``learn_layer`` gives, of random rates, as a mock device answers (rest-api.md 3.9)."""
    generators = _paulis(num_qubits, _supports(num_qubits, pairs))
    rates = random.uniform(0.0, 1e-3, size=len(generators))
    return LearnedLayer(generators, rates, np.zeros_like(rates), 0)


def check_size(protocol: Protocol, num_qubits: int, rows: int) -> None:
    """Refuse what tells nothing, or what does not fit into the memory of a worker."""
    if len(set(protocol.depths)) < 2:
        raise TaskFailed("Learning needs two different depths at least.", INVALID)
    twirls = rows * (2 * max(protocol.depths) + 1) * num_qubits
    if rows * protocol.shots > MOST_SHOTS or twirls > MOST_TWIRLS:
        raise TaskFailed(
            f"{rows} circuits with up to {max(protocol.depths)} pairs of a layer of {num_qubits} qubits, of "
            f"{protocol.shots} shots each, are too many.",
            INVALID,
            "Use fewer randomizations or shots, or smaller depths.",
        )


class Experiment:
    """The circuits of one layer, one row per basis and randomisation.

    Attributes:
        bases: Letters, shape (rows, qubits).
    """

    def __init__(
        self, layer: QuantumCircuit, qubits: Sequence[int], noise: NoiseSource | None, bases: Letters
    ) -> None:
        self.bases = bases
        self._layer = _gates_of(layer)
        self._qubits = tuple(qubits)
        self._noise = noise
        # Conjugation by the layer, as a linear map of (x | z) rows; signs are global phases.
        self._conjugation = Clifford(self._layer).symplectic_matrix.astype(np.int64)
        self._blocks = _blocks(self._layer)
        self._angles = _angle_table()

    def run(self, depth: int, shots: int, random: np.random.Generator) -> NDArray[np.int8]:
        """Return the measured signs of every qubit at one depth, shape (rows, shots, qubits)."""
        rows, width = self.bases.shape
        layers = 2 * depth
        twirls = random.integers(0, 2, size=(rows, layers + 1, 2 * width), dtype=np.int64)
        applied = twirls.copy()
        # Each twirl is undone behind the layer, by its image, together with the next one.
        applied[:, 1:] ^= twirls[:, :-1] @ self._conjugation % 2
        numbers = applied[..., :width] + 2 * applied[..., width:]
        starts = np.zeros((layers + 1, 1), dtype=np.int64)
        starts[0] = 1
        ends = starts[::-1]
        letters = self.bases[:, None, :]
        angles = self._angles[numbers, starts * (1 + letters), ends * (1 + letters)]
        if self._noise is not None and self._noise.schedules:
            bits = self._scheduled(self._noise, angles, shots, random)
        else:
            bits = np.empty((rows, shots, width), dtype=np.bool_)
            for block in self._blocks:
                bits[:, :, block] = self._measured(block, angles[:, :, block], shots, random)
        flips = _anticommute(twirls[:, -1, :width] == 1, twirls[:, -1, width:] == 1, self.bases)
        return np.where(bits ^ flips[:, None, :], -1, 1).astype(np.int8)

    def _measured(
        self, block: list[int], angles: NDArray[np.float64], shots: int, random: np.random.Generator
    ) -> Bits:
        """Return the bits of the qubits of a block, shape (rows, shots, qubits of the block)."""
        circuit, parameters = _template(self._layer, block, angles.shape[1])
        columns = dict(zip(parameters, angles.reshape(len(angles), -1).T, strict=True))
        qubits = tuple(self._qubits[qubit] for qubit in block)
        where = {bit: qubits[index] for index, bit in enumerate(circuit.qubits)}
        operations = frozenset((step.name, tuple(where[bit] for bit in step.qubits)) for step in circuit.data)
        model = None if self._noise is None else self._noise.model(qubits, operations)
        (found,) = run_shots(
            [circuit],
            columns,
            Method("statevector" if model is None else "density_matrix", options=_SMALL),
            shots=shots,
            seed=int(random.integers(2**31)),
            noise_model=model,
        )
        return _bits_of(np.stack([samples.shuffled(random) for samples in found]), len(block))

    def _scheduled(
        self, noise: NoiseSource, angles: NDArray[np.float64], shots: int, random: np.random.Generator
    ) -> Bits:
        """Return the bits of all qubits, which wait for the gates of each other."""
        width = len(self._qubits)
        layers, parameters = _template(self._layer, list(range(width)), angles.shape[1], barriers=True)
        circuit = QuantumCircuit(max(self._qubits) + 1, width)
        circuit.compose(layers, self._qubits, range(width), inplace=True)
        dt = noise.seconds_per_dt(None)
        prepared = prepare(noise.inserted(circuit), dt=dt, noise=noise.distinguished)
        columns = dict(zip(parameters, angles.reshape(len(angles), -1).T, strict=True))
        readout = Readout(noise, symmetric=False)
        words, _ = sample_shots(
            prepared, columns, readout, dict(_SMALL), random, sets=len(angles), shots=shots
        )
        return _bits_of(words, width)


def _bits_of(words: NDArray[np.uint8], width: int) -> Bits:
    """Return the bits of packed words, the lowest first."""
    places = np.arange(width)
    bits: Bits = (words[..., words.shape[-1] - 1 - places // 8] >> (places % 8).astype(np.uint8) & 1).astype(
        np.bool_
    )
    return bits


def _gates_of(layer: QuantumCircuit) -> QuantumCircuit:
    """Return the gates of a layer without its barriers; those that cannot be learned, or overlap, are refused."""
    gates = QuantumCircuit(layer.num_qubits)
    place = {qubit: index for index, qubit in enumerate(layer.qubits)}
    seen: set[int] = set()
    for step in layer.data:
        if step.name == "barrier":
            continue
        where = [place[qubit] for qubit in step.qubits]
        if len(where) != 2 or not is_learnable(step.operation):
            raise TaskFailed(
                f"The noise of {step.name} cannot be learned: it is no Clifford gate on two qubits that is its own "
                "inverse.",
                INVALID,
            )
        if not seen.isdisjoint(where):
            raise TaskFailed("Gates of a layer overlap.", INVALID)
        seen.update(where)
        gates.append(step.operation, where)
    return gates


def _blocks(layer: QuantumCircuit) -> list[list[int]]:
    """Return the qubits of each gate, and each other qubit on its own."""
    place = {qubit: index for index, qubit in enumerate(layer.qubits)}
    blocks = [[place[qubit] for qubit in step.qubits] for step in layer.data]
    gated = {qubit for block in blocks for qubit in block}
    return blocks + [[qubit] for qubit in range(layer.num_qubits) if qubit not in gated]


def _template(
    layer: QuantumCircuit, block: list[int], slots: int, *, barriers: bool = False
) -> tuple[QuantumCircuit, list[Parameter]]:
    """Return the circuit of a block, and its angles in the order (slot, qubit, rotation).

    Barriers around the gates, where they are asked for, make everything else wait for them.
    """
    circuit = QuantumCircuit(len(block), len(block))
    place = {layer.qubits[qubit]: index for index, qubit in enumerate(block)}
    gates = [step for step in layer.data if step.qubits[0] in place]
    parameters: list[Parameter] = []
    for slot in range(slots):
        for fence in (True, False, True) if slot else ():
            if fence and barriers:
                circuit.barrier()
            for step in () if fence else gates:
                circuit.append(step.operation, [place[qubit] for qubit in step.qubits], copy=False)
        for qubit in range(len(block)):
            first, second, third = (Parameter(f"p{len(parameters) + index}") for index in range(3))
            circuit.rz(first, qubit)
            circuit.sx(qubit)
            circuit.rz(second, qubit)
            circuit.sx(qubit)
            circuit.rz(third, qubit)
            parameters += (first, second, third)
    circuit.measure(range(len(block)), range(len(block)))
    return circuit, parameters


def _angle_table() -> NDArray[np.float64]:
    """Return the three rz angles, in order of time, of every single-qubit layer.

    Axes: the Pauli (x + 2 z); the letter that is prepared before it, from 1, or 0 for none; the letter that is measured
    behind it, likewise; the angle.
    """
    rotations = {1: "h", 2: "sdg h", 3: ""}  # from the eigenstates of X, Y and Z to those of Z
    decompose = OneQubitEulerDecomposer("U3")
    table = np.zeros((4, 4, 4, 3))
    for number, before, after in product(range(4), repeat=3):
        circuit = QuantumCircuit(1)
        prepared = QuantumCircuit(1)
        for name in rotations.get(before, "").split():
            getattr(prepared, name)(0)
        circuit.compose(prepared.inverse(), inplace=True)
        for name in ("", "x", "z", "y")[number].split():
            getattr(circuit, name)(0)
        for name in rotations.get(after, "").split():
            getattr(circuit, name)(0)
        theta, phi, lam = decompose.angles(Clifford(circuit).to_matrix())
        table[number, before, after] = lam, theta + np.pi, phi + np.pi
    return table


def _anticommute(x: Bits, z: Bits, letters: Letters) -> Bits:
    """Tell where the letter of a Pauli (x, z) anticommutes with that of a basis; shapes broadcast."""
    found: Bits = np.choose(letters, [z, x ^ z, x]).astype(np.bool_)
    return found


Support = tuple[tuple[int, int], ...]
"""A Pauli as pairs (qubit, letter)."""


def _supports(num_qubits: int, pairs: Sequence[Pair]) -> list[Support]:
    """Return the Paulis of the model; too many are refused."""
    count = 3 * num_qubits + 9 * len(pairs)
    if count > MOST_GENERATORS:
        raise TaskFailed(
            f"A layer of {num_qubits} qubits with {len(pairs)} pairs of neighbours has {count} generators; "
            f"{MOST_GENERATORS} can be learned.",
            INVALID,
            "Twirl fewer qubits, or give options.simulator.coupling_map.",
        )
    singles: Iterator[Support] = (((qubit, letter),) for qubit in range(num_qubits) for letter in range(3))
    doubles: Iterator[Support] = (
        ((first, one), (second, other))
        for first, second in pairs
        for one, other in product(range(3), repeat=2)
    )
    return [*singles, *doubles]


def _paulis(num_qubits: int, supports: Sequence[Support]) -> PauliList:
    x = np.zeros((len(supports), num_qubits), dtype=np.bool_)
    z = np.zeros_like(x)
    for row, support in enumerate(supports):
        for qubit, letter in support:
            x[row, qubit], z[row, qubit] = letter != 2, letter != 0
    return PauliList.from_symplectic(z, x)


def _commutation(paulis: PauliList) -> Bits:
    """Tell which of the Paulis commute, shape (paulis, paulis)."""
    x, z = paulis.x.astype(np.float32), paulis.z.astype(np.float32)
    crossings = x @ z.T
    found: Bits = (crossings + crossings.T).astype(np.int64) % 2 == 0
    return found


def averages(
    measured: Sequence[NDArray[np.int8]], bases: Letters, supports: Sequence[Support]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the mean of every Pauli at every depth over all rows that measure it, and its variance.

    Each row is an independent draw of twirls and of shots, so the spread of rows tells the variance of their mean.
    """
    values = np.empty((len(supports), len(measured)))
    variances = np.empty_like(values)
    for index, support in enumerate(supports):
        rows = np.logical_and.reduce([bases[:, qubit] == letter for qubit, letter in support])
        for column, signs in enumerate(measured):
            chosen = signs[rows][..., [qubit for qubit, _ in support]]
            means = chosen.prod(axis=-1).mean(axis=-1)
            values[index, column] = means.mean()
            spread = (
                means.var(ddof=1) if len(means) > 1 else (1.0 - values[index, column] ** 2) / chosen.shape[1]
            )
            variances[index, column] = spread / len(means)
    return values, variances
