"""What a user's loop costs: ours, official client's local mode and bare Aer, turn by turn in one process; ``make bench``.

All run the same transpiled circuits, observables and parameter sets in turns, so that the ratios mean something on a busy
machine. In turns of one iteration each finds the caches full of what the others did, and a processor taken for some
milliseconds by the idle OpenMP threads of their Aer, which slows a client and a server that hand over to each other more
than a simulation in one thread; ``--turn 10`` shows what a user's own loop costs. ``--clock cpu`` counts processor time
of the whole process, client, server and simulation together, where others use the machine as well.

* ours: primitives of this package against a durable server (SQLite on disk) over a real socket, loops in a Session;
* official: ``qiskit_ibm_runtime`` in local testing mode on ``AerSimulator``, no HTTP at all;
* Aer: ``qiskit_aer.primitives.EstimatorV2`` in process, no HTTP and no shot sampling.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

import numpy as np
from qiskit import QuantumCircuit, qpy
from qiskit.circuit.library import efficient_su2
from qiskit.circuit.random import random_circuit
from qiskit.primitives.containers.sampler_pub import SamplerPub
from qiskit.quantum_info import SparsePauliOp, random_pauli_list
from qiskit.transpiler import generate_preset_pass_manager
from qiskit_aer import AerSimulator
from qiskit_aer.primitives import EstimatorV2 as AerEstimator

from qiskit_rest_primitives import EstimatorV2, QiskitRuntimeService, SamplerV2, Session
from qiskit_rest_primitives.server.embedded import serve

SHOTS = 10_000
HAMILTONIANS = {
    2: [("II", -1.052), ("IZ", 0.398), ("ZI", -0.398), ("ZZ", -0.011), ("XX", 0.181)],
    4: [("IIZZ", 0.5), ("XXII", 0.3), ("ZIIZ", -0.2), ("YYII", 0.1), ("IZZI", 0.7), ("IIIX", 0.4)],
    6: [("IIIIZZ", 0.5), ("IIZZII", 0.5), ("ZZIIII", 0.5), ("XIIIII", 0.2), ("IIXIII", 0.2), ("IIIIIX", 0.2)],
}
Clock = Callable[[], float]


@dataclass(frozen=True)
class Row:
    """One line of the table; ``ours`` and ``peer`` in milliseconds, ``aim`` and ``ratio`` are ours by the peer's."""

    name: str
    ours: float
    peer_name: str
    peer: float
    aim: float

    @property
    def ratio(self) -> float:
        """What ours takes by what the peer takes."""
        return self.ours / self.peer


def rows(
    *,
    iterations: int = 60,
    turn: int = 1,
    repeat: int = 5,
    qubits: tuple[int, ...] = (2, 4, 6),
    clock: Clock = time.perf_counter,
) -> Iterator[Row]:
    """Measure everything, row by row."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        os.environ["QISKIT_REST_PRIMITIVES_JOURNAL"] = f"{folder}/journal.sqlite"
        with serve(database=f"{folder}/jobs.sqlite") as server:
            place = server.endpoint
            service = QiskitRuntimeService(
                channel="local", url=place.url, token=place.token, instance=place.instance
            )
            backend = service.backend("aer_simulator")
            for width in qubits:
                yield from iteration(backend, width, iterations, turn, clock)
            yield many_pubs(backend, repeat)
            yield sweep(backend, repeat)
    yield resubmission(20 * repeat)


def medians(
    runs: dict[str, Callable[[Any], Any]], points: Any, turn: int = 1, clock: Clock = time.perf_counter
) -> dict[str, float]:
    """Time each entry on every point, ``turn`` points at a time; return the median per entry in milliseconds."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    for run in runs.values():
        for point in points[:3]:
            run(point)
    for first in range(0, len(points), turn):
        part = points[first : first + turn]
        for name, run in runs.items():
            start = clock()
            for point in part:
                run(point)
            times[name].append((clock() - start) / len(part))
    return {name: 1e3 * statistics.median(values) for name, values in times.items()}


@cache
def official(kind: str) -> Any:
    """Return a primitive of the official client in local testing mode."""
    import qiskit_ibm_runtime

    return getattr(qiskit_ibm_runtime, kind)(mode=AerSimulator(), options={"default_shots": SHOTS})


def iteration(backend: Any, width: int, iterations: int, turn: int, clock: Clock) -> Iterator[Row]:
    """Time one iteration of a variational loop on so many qubits."""
    ansatz = generate_preset_pass_manager(optimization_level=1, backend=backend).run(
        efficient_su2(width, reps=2)
    )
    observable = SparsePauliOp.from_list(HAMILTONIANS[width]).apply_layout(ansatz.layout)
    plain = generate_preset_pass_manager(optimization_level=1, backend=AerSimulator()).run(ansatz)
    aer, theirs = AerEstimator(), official("EstimatorV2")
    points = np.random.default_rng(1).uniform(-np.pi, np.pi, (iterations, ansatz.num_parameters))
    with Session(backend=backend) as session:
        estimator = EstimatorV2(mode=session, options={"default_shots": SHOTS})
        found = medians(
            {
                "ours": lambda x: estimator.run([(ansatz, observable, x)]).result()[0].data.evs,
                "official": lambda x: theirs.run([(plain, observable, x)]).result()[0].data.evs,
                "Aer": lambda x: (
                    aer.run([(plain, observable, x)], precision=SHOTS**-0.5).result()[0].data.evs
                ),
            },
            points,
            turn,
            clock,
        )
    name = f"VQE iteration, {width} qubits"
    yield Row(name, found["ours"], "Aer", found["Aer"], 1.0)
    yield Row(name, found["ours"], "official", found["official"], 0.2)


def many_pubs(backend: Any, repeat: int) -> Row:
    """Time a job of 100 PUBs of 5 qubits and depth 20."""
    circuits = [random_circuit(5, 20, max_operands=2, measure=True, seed=seed) for seed in range(100)]
    circuits = generate_preset_pass_manager(optimization_level=1, backend=AerSimulator()).run(circuits)
    sampler, theirs = SamplerV2(backend), official("SamplerV2")
    runs = {
        "ours": lambda _: sampler.run(circuits, shots=1024).result(),
        "official": lambda _: theirs.run(circuits, shots=1024).result(),
    }
    found = medians(runs, range(repeat))
    return Row("100 PUBs of 5 qubits, depth 20", found["ours"], "official", found["official"], 0.5)


def sweep(backend: Any, repeat: int) -> Row:
    """Time an estimator job of 200 parameter sets and 20 terms on 8 qubits."""
    ansatz = generate_preset_pass_manager(optimization_level=1, backend=backend).run(efficient_su2(8, reps=2))
    observable = SparsePauliOp(random_pauli_list(8, 20, seed=3, phase=False), np.linspace(0.1, 2, 20))
    observable = observable.apply_layout(ansatz.layout)
    sets = np.random.default_rng(2).uniform(-np.pi, np.pi, (200, ansatz.num_parameters))
    estimator, aer = EstimatorV2(backend), AerEstimator()
    runs = {
        "ours": lambda _: estimator.run([(ansatz, observable, sets)], precision=0.01).result(),
        "Aer": lambda _: aer.run([(ansatz, observable, sets)], precision=0.01).result(),
    }
    found = medians(runs, range(repeat))
    return Row("200 sets x 20 terms, 8 qubits", found["ours"], "Aer", found["Aer"], 1.0)


def resubmission(repeat: int) -> Row:
    """Time writing the body of a job of a circuit of 127 qubits that was sent before; the peer writes QPY."""
    from qiskit_rest_primitives.qasm.codec import dump_circuit
    from qiskit_rest_primitives.rest.lookup import Submission
    from qiskit_rest_primitives.wire.pubs import dump_sampler_pub

    circuit = QuantumCircuit(127, 127)
    for layer in range(10):
        circuit.sx(range(127))
        circuit.rz(0.1 * (layer + 1), range(127))
        circuit.cz(range(0, 126, 2), range(1, 127, 2))
    circuit.measure(range(127), range(127))

    def write(_: int) -> Any:
        pub = SamplerPub.coerce(circuit, 1024)
        return Submission.of(
            {"params": {"pubs": [dump_sampler_pub(pub, dump_circuit(circuit))]}}, identifier="x"
        )

    found = medians({"ours": write, "QPY": lambda _: qpy.dump(circuit, io.BytesIO())}, range(repeat))
    return Row("unchanged circuit of 127 qubits again", found["ours"], "QPY", found["QPY"], 1 / 13)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--iterations", type=int, default=60)
    parser.add_argument("--qubits", type=int, nargs="*", default=sorted(HAMILTONIANS))
    parser.add_argument("--turn", type=int, default=1, help="iterations that each does in a row")
    parser.add_argument("--repeat", type=int, default=5, help="how often the large jobs are run")
    parser.add_argument("--clock", choices=["wall", "cpu"], default="wall", help="of the iterations")
    parser.add_argument("--json", action="store_true", help="a JSON object a row")
    arguments = parser.parse_args()
    if not arguments.json:
        print("| work | ours, ms | peer | peer, ms | ratio | aim |\n|---|---|---|---|---|---|")
    for row in rows(
        iterations=arguments.iterations,
        turn=arguments.turn,
        repeat=arguments.repeat,
        qubits=tuple(arguments.qubits),
        clock=time.process_time if arguments.clock == "cpu" else time.perf_counter,
    ):
        if arguments.json:
            print(json.dumps({**asdict(row), "ratio": row.ratio}), flush=True)
        else:
            print(
                f"| {row.name} | {row.ours:.2f} | {row.peer_name} | {row.peer:.2f} | {row.ratio:.2f} "
                f"| <= {row.aim:.2g} |",
                flush=True,
            )
