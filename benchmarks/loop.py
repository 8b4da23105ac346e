"""Milliseconds per estimator iteration of a variational loop: ours, the official local mode, bare Aer.

All three run the same transpiled ansatz, observable and parameter sets, turn by turn in one process, so
that the ratios mean something on a busy machine. Run it with ``make bench``. In turns of one iteration each finds
the caches full of what the others did, and a processor taken for some milliseconds by the idle OpenMP threads of
their Aer, which slows a client and a server that hand over to each other more than a simulation in one thread;
``--turn 10`` shows what a user's own loop costs.

* ours: ``EstimatorV2`` of this package, in a Session, against the embedded server over a real socket;
* local testing mode: ``qiskit_ibm_runtime.EstimatorV2(mode=AerSimulator())``, no HTTP at all;
* Aer: ``qiskit_aer.primitives.EstimatorV2`` in process, no HTTP and no shot sampling.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from collections.abc import Callable

import numpy as np
from qiskit.circuit.library import efficient_su2
from qiskit.quantum_info import SparsePauliOp
from qiskit.transpiler import generate_preset_pass_manager
from qiskit_aer import AerSimulator
from qiskit_aer.primitives import EstimatorV2 as AerEstimator

from qiskit_rest_primitives import EstimatorV2, QiskitRuntimeService, Session

SHOTS = 10_000
HAMILTONIANS = {
    2: [("II", -1.052), ("IZ", 0.398), ("ZI", -0.398), ("ZZ", -0.011), ("XX", 0.181)],
    4: [("IIZZ", 0.5), ("XXII", 0.3), ("ZIIZ", -0.2), ("YYII", 0.1), ("IZZI", 0.7), ("IIIX", 0.4)],
    6: [("IIIIZZ", 0.5), ("IIZZII", 0.5), ("ZZIIII", 0.5), ("XIIIII", 0.2), ("IIXIII", 0.2), ("IIIIIX", 0.2)],
}


def median_milliseconds(
    runs: dict[str, Callable[[np.ndarray], float]], points: np.ndarray, turn: int
) -> dict[str, float]:
    """Time each entry on every point, ``turn`` points at a time; return the median per entry in milliseconds."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    for run in runs.values():
        run(points[0])
    for first in range(0, len(points), turn):
        for name, run in runs.items():
            for point in points[first : first + turn]:
                start = time.perf_counter()
                run(point)
                times[name].append(time.perf_counter() - start)
    return {name: 1e3 * statistics.median(values) for name, values in times.items()}


def compare(num_qubits: int, iterations: int, turn: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from qiskit_ibm_runtime import EstimatorV2 as OfficialEstimator

        official = OfficialEstimator(mode=AerSimulator(), options={"default_shots": SHOTS})
    service = QiskitRuntimeService(channel="local")
    backend = service.backend("aer_simulator")
    pass_manager = generate_preset_pass_manager(optimization_level=1, backend=backend)
    ansatz = pass_manager.run(efficient_su2(num_qubits, reps=2))
    observable = SparsePauliOp.from_list(HAMILTONIANS[num_qubits]).apply_layout(ansatz.layout)
    plain = generate_preset_pass_manager(optimization_level=1, backend=AerSimulator()).run(ansatz)
    aer = AerEstimator()
    points = np.random.default_rng(1).uniform(-np.pi, np.pi, (iterations, ansatz.num_parameters))

    with Session(backend=backend) as session, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        estimator = EstimatorV2(mode=session, options={"default_shots": SHOTS})
        medians = median_milliseconds(
            {
                "ours": lambda x: estimator.run([(ansatz, observable, x)]).result()[0].data.evs,
                "local testing mode": lambda x: official.run([(plain, observable, x)]).result()[0].data.evs,
                "Aer": lambda x: (
                    aer.run([(plain, observable, x)], precision=SHOTS**-0.5).result()[0].data.evs
                ),
            },
            points,
            turn,
        )
    ours = medians["ours"]
    print(
        f"{num_qubits} qubits: "
        + ", ".join(f"{name} {value:.2f} ms" for name, value in medians.items())
        + f"; ours / local testing mode {ours / medians['local testing mode']:.2f} (aim <= 0.5)"
        + f", ours / Aer {ours / medians['Aer']:.2f} (aim <= 2)"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--iterations", type=int, default=60)
    parser.add_argument("--qubits", type=int, nargs="*", default=sorted(HAMILTONIANS))
    parser.add_argument("--turn", type=int, default=1, help="iterations that each does in a row")
    arguments = parser.parse_args()
    for width in arguments.qubits:
        compare(width, arguments.iterations, arguments.turn)
