"""Where the processor time of one iteration of a variational loop goes, over all threads of client and embedded server.

py-spy looks at the stacks of a process that runs the loop, from outside and only at threads that compute, and does not stop it,
which would wake those that wait; each look counts for the innermost place on a stack that the table knows. ``python benchmarks/iteration_profile.py``.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from table import Row, show

OURS = "qiskit_rest_primitives/"
PLACES = {
    "SQLite": ("server/jobs/store.py", "server/jobs/bodies.py", "server/jobs/job_counts.py", "rest/journal.py"),
    "simulation": ("qiskit_aer/", "server/aer/", "server/primitives/", "server/devices/"),
    "HTTP: libraries and sockets": (
        "urllib3/", "requests/", "http/client.py", "email/", "uvicorn/", "starlette/", "httptools/", "uvloop/", "asyncio/",
        "socket.py", "selectors.py", f"{OURS}rest/connection_pool.py",  # whose calls are those of the sockets
    ),
    "HTTP: our client": (f"{OURS}rest/",),
    "HTTP: our server": (f"{OURS}server/http/", f"{OURS}server/routes/", f"{OURS}server/runner.py"),
    "circuits and documents": (f"{OURS}qasm/", f"{OURS}wire/"),
    "queue, sessions, workers": (f"{OURS}server/",),
    "primitives, options, jobs of the client": (OURS,),
}  # fmt: skip
"""What a place is called, by parts of the paths of its files; the first that fits counts."""
REST = "threads, Qiskit, other"
NEEDED = ("SQLite", "simulation", "HTTP: libraries and sockets")
"""What any loop over HTTP with a database needs; the rest is to be small."""
LOOKS = 200
"""How often py-spy looks, per second."""


def place_of(stack: list[str]) -> str:
    """Return the place of the innermost of some calls, outermost first, that has one."""
    for call in reversed(stack):
        for name, parts in PLACES.items():
            if any(part in call for part in parts):
                return name
    return REST


def counted(stacks: str) -> Counter[str]:
    """Count the looks by place: those at the loop, and at the threads of the server."""
    found: Counter[str] = Counter()
    for line in stacks.splitlines():
        calls, _, looks = line.rpartition(" ")
        if not calls:  # a thread that was just begun
            continue
        stack = calls.replace("\\", "/").split(";")
        main = any(call.startswith("<module> (") for call in stack)
        if not main or any("iterate (" in call for call in stack):
            found[place_of(stack)] += int(looks)
    return found


def profile(qubits: int, iterations: int) -> tuple[Counter[str], float]:
    """Return the looks by place, and the milliseconds of processor time of an iteration.

    Raises:
        RuntimeError: py-spy may not look into a process on this machine.
    """
    with tempfile.TemporaryDirectory() as folder:
        stacks = Path(folder) / "stacks"
        spy = Path(sys.executable).with_name("py-spy")
        command = [
            str(spy),
            "record",
            "--nonblocking",
            f"--rate={LOOKS}",
            "--format=raw",
            f"--output={stacks}",
            "--",
        ]
        command += [sys.executable, __file__, "--alone", f"--qubits={qubits}", f"--iterations={iterations}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if not stacks.exists():
            raise RuntimeError(f"py-spy: {done.stderr.strip()[-300:]}")
        spent = next(line for line in done.stdout.splitlines() if line.startswith("spent "))
        return counted(stacks.read_text()), float(spent.split()[1])


def alone(qubits: int, iterations: int) -> None:
    """Run the loop that is looked at, and print the milliseconds of processor time of an iteration."""
    from qiskit.circuit.library import efficient_su2
    from qiskit.quantum_info import SparsePauliOp
    from qiskit.transpiler import generate_preset_pass_manager

    from qiskit_rest_primitives import EstimatorV2, QiskitRuntimeService, Session
    from qiskit_rest_primitives.server.embedded import serve

    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder, serve(database=f"{folder}/jobs.sqlite") as server:
        place = server.endpoint
        service = QiskitRuntimeService(
            channel="local", url=place.url, token=place.token, instance=place.instance
        )
        backend = service.backend("aer_simulator")
        ansatz = generate_preset_pass_manager(1, backend=backend).run(efficient_su2(qubits, reps=2))
        terms = [("Z" * qubits, 1.0), ("X" * qubits, 0.5), ("IZ" + "I" * (qubits - 2), 0.2)]
        observable = SparsePauliOp.from_list(terms).apply_layout(ansatz.layout)
        points = np.random.default_rng(1).uniform(-np.pi, np.pi, (iterations, ansatz.num_parameters))
        with Session(backend=backend) as session:
            estimator = EstimatorV2(mode=session, options={"default_shots": 10_000})

            def iterate(point: np.ndarray) -> None:
                estimator.run([(ansatz, observable, point)]).result()

            for point in points[:5]:
                iterate(point)
            start = time.process_time()
            for point in points:
                iterate(point)
            print(f"spent {1e3 * (time.process_time() - start) / iterations}", flush=True)


def rows(*, qubits: int = 4, iterations: int = 1000) -> Iterator[Row]:
    """Profile iterations, place by place."""
    found, spent = profile(qubits, iterations)
    total = found.total()
    others = [name for name in (*PLACES, REST) if name not in NEEDED]
    share = 100 * sum(found[name] for name in others) / total
    yield Row(
        "profile", "all but simulation, HTTP libraries and sockets, SQLite", share, "%", "all", 100.0, aim=0.3
    )
    for name in (*PLACES, REST):
        part = found[name] / total
        yield Row("profile", name, 100 * part, "%", note=f"{spent * part:.2f} ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--qubits", type=int, default=4)
    parser.add_argument("--iterations", type=int, default=1000)
    parser.add_argument("--alone", action="store_true", help="run the loop, and look at nothing")
    chosen = parser.parse_args()
    if chosen.alone:
        alone(chosen.qubits, chosen.iterations)
    else:
        show(rows(qubits=chosen.qubits, iterations=chosen.iterations))


if __name__ == "__main__":
    main()
