"""Sampling through our client and server, beside Aer and the official local mode in process: ratios of one run.

Ours is ``SamplerV2`` over a real socket against the embedded server. Aer is ``AerSimulator.run`` with ``memory``, on
the circuit as it is. Turn by turn in one process, best of some rounds; each entry runs once before it is measured.
``python benchmarks/engines.py`` takes some minutes, nearly all of it in what stands beside; ``--only WORD`` chooses rows.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from qiskit import QuantumCircuit
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, ReadoutError, depolarizing_error, thermal_relaxation_error

from qiskit_rest_primitives import SamplerV2


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        name: What is run.
        ours: Seconds.
        peer: Seconds of what stands beside.
        beside: Its name.
        aim: The largest ratio that is aimed at.
        method: How our server says it was simulated.
    """

    name: str
    ours: float
    peer: float
    beside: str
    aim: float
    method: str

    @property
    def ratio(self) -> float:
        """How often ours fits."""
        return self.ours / self.peer


@dataclass(frozen=True)
class Case:
    """What to run: its name, how to make it, how many shots, how often, and what it is compared with."""

    name: str
    make: Callable[[], tuple[QuantumCircuit, NoiseModel | None]]
    shots: int
    aim: float
    rounds: int = 2
    beside: str = "Aer"


def uniform() -> tuple[QuantumCircuit, None]:
    circuit = QuantumCircuit(20)
    circuit.h(range(20))
    circuit.measure_all()
    return circuit, None


def entangled() -> tuple[QuantumCircuit, None]:
    circuit = QuantumCircuit(20)
    for layer in range(3):
        for qubit in range(20):
            circuit.ry(0.3 + 0.1 * qubit + layer, qubit)
        circuit.cx(range(19), range(1, 20))
    circuit.measure_all()
    return circuit, None


def qaoa() -> tuple[QuantumCircuit, None]:
    random = np.random.default_rng(1)
    circuit = QuantumCircuit(20)
    circuit.h(range(20))
    edges = [(i, (i + 1) % 20) for i in range(20)] + [(i, (i + 7) % 20) for i in range(20)]
    for _ in range(2):
        gamma, beta = random.uniform(0, 3, 2)
        for first, second in edges:
            circuit.rzz(gamma, first, second)
        circuit.rx(2 * beta, range(20))
    circuit.measure_all()
    return circuit, None


def ghz() -> tuple[QuantumCircuit, None]:
    circuit = QuantumCircuit(100)
    circuit.h(0)
    for qubit in range(99):
        circuit.cx(qubit, qubit + 1)
    circuit.measure_all()
    return circuit, None


def noisy_clifford() -> tuple[QuantumCircuit, NoiseModel]:
    random = np.random.default_rng(3)
    circuit = QuantumCircuit(20)
    for layer in range(20):
        for qubit in range(20):
            getattr(circuit, random.choice(["h", "s", "sx", "x"]))(qubit)
        for qubit in range(layer % 2, 19, 2):
            circuit.cx(qubit, qubit + 1)
    circuit.measure_all()
    model = NoiseModel()
    model.add_all_qubit_quantum_error(depolarizing_error(0.001, 1), ["h", "s", "sx", "x"])
    model.add_all_qubit_quantum_error(depolarizing_error(0.01, 2), ["cx"])
    model.add_all_qubit_readout_error(ReadoutError([[0.98, 0.02], [0.03, 0.97]]))
    return circuit, model


def feedback() -> tuple[QuantumCircuit, None]:
    circuit = QuantumCircuit(2, 11)
    for step in range(10):
        circuit.h(0)
        circuit.measure(0, step)
        with circuit.if_test((circuit.clbits[step], 1)):
            circuit.x(1)
    circuit.measure(1, 10)
    return circuit, None


def read_twice() -> tuple[QuantumCircuit, NoiseModel]:
    circuit = QuantumCircuit(12, 2)
    circuit.sx([0, 1])
    circuit.cx(0, 1)
    circuit.measure([0, 1], [0, 1])
    circuit.measure_all()
    return circuit, relaxing()


def one_by_one() -> tuple[QuantumCircuit, NoiseModel]:
    random = np.random.default_rng(2)
    circuit = QuantumCircuit(12)
    for qubit in range(12):
        for angle in random.uniform(0, 6, 2):
            circuit.rz(angle, qubit)
            circuit.sx(qubit)
    circuit.measure_all()
    return circuit, relaxing()


def relaxing() -> NoiseModel:
    model = NoiseModel()
    model.add_all_qubit_quantum_error(thermal_relaxation_error(100, 120, 1), ["sx"])
    model.add_all_qubit_readout_error(ReadoutError([[0.98, 0.02], [0.03, 0.97]]))
    return model


CASES = (
    Case("20 qubits uniform, 1 000 000 shots", uniform, 1_000_000, 0.15),
    Case("20 qubits entangled, 1 000 000 shots", entangled, 1_000_000, 0.15),
    Case("GHZ-100, 10 000 shots", ghz, 10_000, 0.05),
    Case("20-qubit Clifford circuit with Pauli noise, 20 000 shots", noisy_clifford, 20_000, 0.05, rounds=1),
    Case("QAOA, 20 qubits, p = 2, 4 096 shots", qaoa, 4_096, 1.0, 3, "official local mode"),
    Case("12 relaxing qubits, 2 of them measured twice, 4 096 shots", read_twice, 4_096, 0.1),
    Case("12 relaxing qubits one by one, 4 096 shots", one_by_one, 4_096, 0.1),
    Case("10 feedbacks, 4 096 shots", feedback, 4_096, 1.1, 5),
)


def rows(only: str = "") -> Iterator[Row]:
    """Measure what has a word in its name, all without one."""
    for case in CASES:
        if only in case.name:
            yield measured(case)


def measured(case: Case) -> Row:
    """Run a case and what stands beside it in turns."""
    circuit, model = case.make()
    simulator = AerSimulator(noise_model=model)
    sampler = SamplerV2(mode=simulator)
    methods = []

    def ours() -> None:
        result = sampler.run([circuit], shots=case.shots).result()[0]
        methods.append(result.metadata["simulation"]["method"])

    runs = {"ours": ours, case.beside: beside(case, circuit, simulator)}
    best = dict.fromkeys(runs, float("inf"))
    for run in runs.values() if case.rounds > 1 else (ours,):
        run()
    for _ in range(case.rounds):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            best[name] = min(best[name], time.perf_counter() - start)
    return Row(case.name, best["ours"], best[case.beside], case.beside, case.aim, methods[-1])


def beside(case: Case, circuit: QuantumCircuit, simulator: AerSimulator) -> Callable[[], Any]:
    """Return the peer of a case."""
    if case.beside == "Aer":
        return lambda: simulator.run(circuit, shots=case.shots, memory=True).result().get_memory()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from qiskit_ibm_runtime import SamplerV2 as OfficialSampler

        official = OfficialSampler(mode=simulator)
    return lambda: official.run([circuit], shots=case.shots).result()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="a word in the names of the rows to run")
    print("| work | ours | beside | ratio | aim | method |\n|---|---|---|---|---|---|")
    for row in rows(parser.parse_args().only):
        print(
            f"| {row.name} | {1e3 * row.ours:.0f} ms | {row.beside} {1e3 * row.peer:.0f} ms "
            f"| {row.ratio:.3f} | {row.aim} | {row.method} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
