"""Where the processor time of one iteration of a variational loop goes, over all threads of client and embedded server.

A thread looks at the stacks of all others every half millisecond or so, and gives the processor time that each has used since
to the innermost place on its stack that the table knows: waiting costs nothing, for a lock or for a socket. Meanwhile threads
hand Python's lock over as often, or else they would be looked at only where they let go of it. ``python
benchmarks/iteration_profile.py``; not on Windows, where no thread has a clock that others can read.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from types import FrameType

import numpy as np
from qiskit.circuit.library import efficient_su2
from qiskit.quantum_info import SparsePauliOp
from qiskit.transpiler import generate_preset_pass_manager
from table import Row, show

from qiskit_rest_primitives import EstimatorV2, QiskitRuntimeService, Session
from qiskit_rest_primitives.server.embedded import serve

OURS = "qiskit_rest_primitives/"
PLACES = {
    "SQLite": ("server/jobs/store.py", "server/jobs/bodies.py", "server/jobs/job_counts.py", "rest/journal.py"),
    "simulation": ("qiskit_aer/", "server/aer/", "server/primitives/", "server/devices/"),
    "HTTP: libraries and sockets": (
        "urllib3/", "requests/", "http/client.py", "email/", "uvicorn/", "starlette/", "httptools/", "h11/", "asyncio/",
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


def place_of(frame: FrameType | None) -> str:
    """Return the place of the innermost frame that has one."""
    while frame is not None:
        path = frame.f_code.co_filename.replace("\\", "/")
        for name, parts in PLACES.items():
            if any(part in path for part in parts):
                return name
        frame = frame.f_back
    return REST


class Sampler(threading.Thread):
    """Counts the seconds of processor time by place while it runs."""

    def __init__(self, pause: float = 0.0005) -> None:
        super().__init__(daemon=True)
        self.seconds: Counter[str] = Counter()
        self.pause = pause
        self._clocks: dict[int, float] = {}
        self._ended = threading.Event()

    def run(self) -> None:
        """Look until told to stop."""
        interval = sys.getswitchinterval()
        sys.setswitchinterval(self.pause / 10)
        while not self._ended.wait(self.pause):
            for thread, frame in sys._current_frames().items():
                if thread == self.ident:
                    continue
                try:
                    used = time.clock_gettime(time.pthread_getcpuclockid(thread))
                except OSError:  # it has ended
                    continue
                self.seconds[place_of(frame)] += used - self._clocks.get(thread, used)
                self._clocks[thread] = used
        sys.setswitchinterval(interval)

    def stop(self) -> None:
        """Stop looking."""
        self._ended.set()
        self.join()


def profile(qubits: int, iterations: int) -> Counter[str]:
    """Return the seconds by place of so many iterations."""
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
            for point in points[:5]:
                estimator.run([(ansatz, observable, point)]).result()
            sampler = Sampler()
            sampler.start()
            for point in points:
                estimator.run([(ansatz, observable, point)]).result()
            sampler.stop()
    return sampler.seconds


def rows(*, qubits: int = 4, iterations: int = 300) -> Iterator[Row]:
    """Profile iterations, place by place."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = profile(qubits, iterations)
    total = found.total()
    others = [name for name in (*PLACES, REST) if name not in NEEDED]
    share = 100 * sum(found[name] for name in others) / total
    yield Row(
        "profile", "all but simulation, HTTP libraries and sockets, SQLite", share, "%", "all", 100.0, aim=0.3
    )
    for name in (*PLACES, REST):
        yield Row(
            "profile", name, 100 * found[name] / total, "%", note=f"{1e3 * found[name] / iterations:.2f} ms"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--qubits", type=int, default=4)
    parser.add_argument("--iterations", type=int, default=300)
    chosen = parser.parse_args()
    show(rows(qubits=chosen.qubits, iterations=chosen.iterations))


if __name__ == "__main__":
    main()
