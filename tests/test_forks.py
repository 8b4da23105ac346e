"""A process that forks while a lock is held has a child that works."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "qiskit_rest_primitives"

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork: runs on POSIX systems")

# Uses a service until every lock of the client exists, then forks once for each module that made locks, while a thread
# holds all locks of that module, and lets the child do the same again. Prints what became of each child.
DRIVER = """
import collections, json, os, signal, sys, threading, warnings
warnings.simplefilter("ignore")  # Python warns of forks beside threads; that is what this is about
from qiskit_rest_primitives import _locks
made = collections.defaultdict(list)
make = _locks.fork_safe_lock
def noted():
    lock = make()
    made[sys._getframe(1).f_globals["__name__"]].append(lock)
    return lock
_locks.fork_safe_lock = noted
from qiskit import QuantumCircuit
from qiskit_rest_primitives import QiskitRuntimeService, SamplerV2
from qiskit_rest_primitives.jobs.progress import Display
from qiskit_rest_primitives.jobs.status import JobState
url, token, instance = sys.argv[1:4]
service = QiskitRuntimeService(channel="local", url=url, token=token, instance=instance)
circuit = QuantumCircuit(1)
circuit.x(0)
circuit.measure_all()
def work(module):
    backend = service.backend("aer_simulator")
    job = SamplerV2(backend).run([circuit], shots=3)
    assert job.result()[0].data.meas.get_counts() == {"1": 3}
    assert [one.job_id() for one in service.jobs(limit=1)] == [job.job_id()]
    with Display("jobs") as display:
        display.show([JobState("DONE")])
    if ".server." in module:
        mine = SamplerV2(QiskitRuntimeService(channel="local").backend("aer_simulator"))
        assert mine.run([circuit], shots=2).result()[0].data.meas.num_shots == 2
    return job
job = work(".server.")
from qiskit_rest_primitives.rest.legacy import LoginAuth
from qiskit_rest_primitives.rest.http_client import Engine
LoginAuth("x", url, Engine())
outcome = {}
for module, locks in sorted(made.items()):
    held, done = threading.Event(), threading.Event()
    def hold():
        for lock in locks: lock.acquire()
        held.set()
        done.wait()
        for lock in locks: lock.release()
    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    child = os.fork()
    if child == 0:
        signal.alarm(100)  # hangs no longer than that; its end by the alarm is the failure
        code = 1
        try:
            for lock in locks:
                assert lock.acquire(blocking=False), "still held"
                lock.release()
            assert job.result()[0].data.meas.num_shots == 3
            work(module)
            code = 0
        finally:
            sys.stderr.flush()
            os._exit(code)
    outcome[module.partition(".")[2]] = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    done.set()
    thread.join()
print(json.dumps(outcome))
os._exit(0)
"""


def modules_with_locks() -> set[str]:
    return {
        str(path.relative_to(PACKAGE).with_suffix("")).replace("/", ".")
        for path in PACKAGE.rglob("*.py")
        if any(
            isinstance(node, ast.ImportFrom) and any(name.name == "fork_safe_lock" for name in node.names)
            for node in ast.walk(ast.parse(path.read_text()))
        )
    }


# What a client's process makes no locks of: programs, Dask, and devices with noise, which this test does without.
ELSEWHERE = {
    "server.devices.noise",
    "server.jobs.launcher",
    "server.programs.child",
    "server.programs.process",
    "server.workers.dask",
}


def test_a_child_forked_while_any_lock_is_held_works(endpoint: object) -> None:
    """Fault C4; the list of locks is what the modules of the package made, so that none is forgotten."""
    place = [getattr(endpoint, name) for name in ("url", "token", "instance")]
    run = subprocess.run(
        [sys.executable, "-c", DRIVER, *place], capture_output=True, text=True, check=True, timeout=900
    )

    outcome = json.loads(run.stdout)
    assert set(outcome.values()) == {0}, f"{outcome}\n{run.stderr[-3000:]}"
    assert set(outcome) == modules_with_locks() - ELSEWHERE
