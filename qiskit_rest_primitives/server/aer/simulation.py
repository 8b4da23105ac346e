"""Running prepared circuits on Aer, and what comes out as bits or probabilities; ``methods`` says by which method."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import Parameter, QuantumCircuit
from qiskit.result import Result
from qiskit_aer import AerError, AerSimulator
from qiskit_aer import __version__ as aer_version
from qiskit_aer.noise import NoiseModel

from ...qasm.cache import independent_copy
from ..devices.noise import FrozenNoise, NoiseSource
from ..job_errors import INVALID, UNKNOWN, TaskFailed
from .methods import Method
from .preparation import PreparedCircuit
from .probabilities import cleaned, saved

TRUNCATION = 1e-10
"""Squared Schmidt coefficients whose sum a matrix product state may drop at a bond: far below any shot noise."""

MOST_SHOTS = 10_000_000
"""Most simulated shots of a circuit (rest-api.md 1.7 allows as many executions per job)."""

_AER = tuple(map(int, aer_version.split(".")[:2]))

BINDS_ITSELF = _AER >= (0, 18)
"""Before 0.18, which needs Python 3.11, Aer counts wrong behind a measurement and gives values to other gates."""

RUNS_HERE = _AER < (0, 19)
"""Whether this is a version of Aer whose inner step of ``run()`` is known; see ``_simulate``."""

Bits = NDArray[np.uint8]
Columns = Mapping[Parameter, NDArray[np.float64]]


@dataclass(frozen=True)
class Samples:
    """Outcomes of the shots of one parameter set.

    Attributes:
        words: Distinct outcomes, packed big-endian and right-aligned, shape (outcomes, ceil(clbits / 8)).
        counts: How often each came, shape (outcomes,).
    """

    words: Bits
    counts: NDArray[np.int64]

    def shuffled(self, random: np.random.Generator) -> Bits:
        """Return one word per shot: given the counts, every order of independent shots is equally likely."""
        return self.words[random.permutation(np.repeat(np.arange(len(self.counts)), self.counts))]


def noise_of(
    prepared: PreparedCircuit, noise: NoiseSource | None, method: Method, *, symmetric_readout: bool
) -> FrozenNoise | None:
    """Return the noise on the qubits of a prepared circuit; None without noise."""
    if noise is None:
        return None
    return noise.model(
        prepared.qubits,
        prepared.operations,
        mixture=method.mixture,
        symmetric_readout=symmetric_readout,
    )


def check_shots(shots: int) -> None:
    """Refuse more shots of a circuit than can be simulated."""
    if shots > MOST_SHOTS:
        raise TaskFailed(
            f"{shots} shots of one circuit are too many: {MOST_SHOTS} can be simulated.", INVALID
        )


def run_shots(
    circuits: Sequence[QuantumCircuit],
    values: Columns,
    method: Method,
    *,
    shots: int,
    seed: int,
    noise_model: NoiseModel | None,
) -> list[list[Samples]]:
    """Run each circuit for every parameter set; all have the same parameters, of which ``values`` has one value per set.

    Returns:
        For each circuit, the samples of each parameter set.

    Raises:
        TaskFailed: Aer could not run a circuit.
    """
    check_shots(shots)
    data = _run(circuits, values, method, shots=shots, seed=seed, noise_model=noise_model)
    each = len(data) // len(circuits)
    return [
        [
            _samples(found.get("counts") or {"0x0": shots}, circuit.num_clbits)  # none if nothing is measured
            for found in data[index * each : (index + 1) * each]
        ]
        for index, circuit in enumerate(circuits)
    ]


def run_probabilities(
    circuit: QuantumCircuit,
    values: Columns,
    method: Method,
    labels: Sequence[str],
    *,
    noise_model: NoiseModel | None,
) -> list[NDArray[np.float64]]:
    """Run a circuit with instructions that save probabilities, or a state vector, once per parameter set.

    Returns:
        For each label, the probabilities, shape (parameter sets, 2**saved qubits), clean of rounding.
    """
    data = _run([circuit], values, method, shots=1, seed=0, noise_model=noise_model)
    return [cleaned(np.stack([saved(entry[label]) for entry in data])) for label in labels]


def _simulate(
    circuits: list[QuantumCircuit], binds: list[dict[Parameter, list[float]]] | None, options: dict[str, Any]
) -> Result:
    """Run circuits on a simulator of their own, which takes some 30 microseconds to make.

    Where the inner step of ``AerSimulator.run`` is known it is called in this thread, instead of by the one thread that Aer
    keeps for the whole process: no job waits for a thread to wake up, nor for what the user simulates, and before Aer 0.18
    a forked process lacks that thread.
    """
    simulator = AerSimulator()
    if RUNS_HERE:
        return simulator._execute_circuits_job(circuits, binds, options)
    return simulator.run(circuits, parameter_binds=binds, **options).result()


def _run(
    circuits: Sequence[QuantumCircuit],
    values: Columns,
    method: Method,
    *,
    shots: int,
    seed: int,
    noise_model: NoiseModel | None,
) -> list[dict[str, Any]]:
    # Idle qubits are gone already, and Aer's own truncation cuts the ends off some conditional blocks.
    options: dict[str, Any] = {
        "shots": shots,
        "seed_simulator": seed,
        "method": method.name,
        "enable_truncation": False,
    }
    if method.name == "matrix_product_state":
        options["matrix_product_state_truncation_threshold"] = TRUNCATION
    options |= dict(method.options)
    if noise_model is not None:
        options["noise_model"] = noise_model
    binds = None
    if values and not BINDS_ITSELF:
        circuits = _bound(circuits, values)
    elif values:
        binds = [{key: column.tolist() for key, column in values.items()}] * len(circuits)
    try:
        result = _simulate(list(circuits), binds, options)
    except (AerError, RuntimeError, ValueError, TypeError, MemoryError) as cause:
        raise TaskFailed(_reason(str(cause), method), UNKNOWN) from cause
    if not result.success:
        status = " ".join(str(part.status) for part in result.results) or str(result.status)
        raise TaskFailed(_reason(status, method), UNKNOWN)
    return [part.data.to_dict() for part in result.results]


def _bound(circuits: Sequence[QuantumCircuit], values: Columns) -> list[QuantumCircuit]:
    """Return each circuit with each parameter set, in the order in which Aer would."""
    rows = list(zip(*(column.tolist() for column in values.values()), strict=True))
    return [
        independent_copy(circuit).assign_parameters(dict(zip(values, row, strict=True)), strict=False)
        for circuit in circuits
        for row in rows
    ]


def _samples(counts: Mapping[str, int], num_clbits: int) -> Samples:
    width = max(1, (num_clbits + 7) // 8)
    packed = b"".join(int(key, 16).to_bytes(width, "big") for key in counts)
    words = np.frombuffer(packed, dtype=np.uint8).reshape(len(counts), width)
    return Samples(words, np.fromiter(counts.values(), dtype=np.int64, count=len(counts)))


def _reason(text: str, method: Method) -> str:
    """Make a readable reason of what Aer says: one line, no circuit names, no paths."""
    if not text or "memory" in text.lower():
        return f"The simulation ({method.name}) needs more memory than a job may take on this server."
    line = re.sub(r"(\[Experiment \d+\]|Circuit circuit-\d+|/\S+)", "", text.strip().splitlines()[0])
    line = re.sub(r"(ERROR:|\s)+", " ", line).strip()
    return f"The simulation ({method.name}) failed: {line[:300]}"
