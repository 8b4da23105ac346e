"""The server inside the caller's process: start, stop, fork, exit, and what it never shows."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from qiskit_rest_primitives.server.devices.device import Device
from qiskit_rest_primitives.server.embedded import serve


def run(code: str) -> subprocess.CompletedProcess[str]:
    """Run a program with every warning an error and leaks reported.

    What asyncio remarks on slow steps is left out: a busy machine is slow.
    """
    done = subprocess.run(
        [
            sys.executable,
            "-X",
            "dev",
            "-W",
            "error",
            "-W",
            "ignore::DeprecationWarning",
            "-c",
            textwrap.dedent(code),
        ],
        capture_output=True,
        text=True,
        timeout=900,
    )
    lines = done.stderr.splitlines(keepends=True)
    done.stderr = "".join(line for line in lines if not re.match(r"Executing <.* took [\d.]+ seconds$", line))
    return done


def test_the_token_is_random_and_never_shown(ideal: Device) -> None:
    with serve([ideal]) as first, serve([ideal]) as second:
        assert len(first.endpoint.token) >= 40
        assert first.endpoint.token != second.endpoint.token
        assert first.endpoint.token not in repr(first.endpoint) + repr(first) + str(first.endpoint)
        assert first.endpoint.url.startswith("http://127.0.0.1:")


def test_a_stopped_server_is_gone_and_may_be_stopped_again(ideal: Device) -> None:
    server = serve([ideal])
    assert requests.get(server.endpoint.url + "/versions", timeout=600).status_code == 200
    server.stop()
    server.stop()

    with pytest.raises(requests.ConnectionError):
        requests.get(server.endpoint.url + "/versions", timeout=600)


def test_stopping_lets_go_of_answers_that_are_held(start: Callable[..., Any], stage: Any) -> None:
    call = start()
    job_id = call.submit(params=stage.hold("held"))
    call.until(job_id, "Running")
    answers: list[requests.Response] = []

    def ask() -> None:
        answers.append(
            requests.get(
                f"{call.endpoint.url}/jobs/{job_id}",
                headers=call.headers | {"Prefer": "wait=30"},
                timeout=600,
            )
        )

    asking = threading.Thread(target=ask)
    asking.start()
    waiting = call.server._server._app.state.server.scheduler._watchers._waiting
    deadline = time.monotonic() + 600
    while job_id not in waiting:  # until the answer is held
        assert time.monotonic() < deadline
        time.sleep(0.005)
    call.server.stop()
    asking.join(600)

    assert [answer.json()["status"] for answer in answers] == ["Running"]


def test_an_address_in_use_is_an_os_error(ideal: Device) -> None:
    with serve([ideal]) as first:
        port = int(first.endpoint.iam_url.rpartition(":")[2])

        with pytest.raises(OSError, match="use"):
            serve([ideal], port=port)


def test_a_database_that_cannot_be_opened_is_reported_to_the_caller(ideal: Device, tmp_path: Any) -> None:
    with pytest.raises(RuntimeError, match="did not start") as caught:
        serve([ideal], database=str(tmp_path / "missing" / "jobs.db"))

    assert "unable to open database" in str(caught.value.__cause__)


def test_the_default_server_is_started_once_and_ends_with_the_program() -> None:
    done = run(
        """
        import threading, requests
        from qiskit_rest_primitives.server.embedded import embedded

        found = []
        threads = [threading.Thread(target=lambda: found.append(embedded())) for _ in range(8)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        assert len(set(found)) == 1
        with requests.Session() as session:
            print(session.get(found[0].url + "/health").status_code)
        """
    )

    assert (done.stdout, done.stderr, done.returncode) == ("200\n", "", 0)


def test_a_program_that_ends_during_a_simulation_does_not_hang() -> None:
    done = run(
        """
        import time, threading, requests
        from dataclasses import replace
        from qiskit_rest_primitives.server import embedded as room

        class Long:
            def execute(self, *_): time.sleep(100_000)

        serve = room.serve
        running = serve(settings=lambda s: replace(s, execute=Long().execute))
        end = running.endpoint
        headers = {"Authorization": "apikey " + end.token, "Service-CRN": end.instance}
        body = {"program_id": "sampler", "backend": "aer_simulator", "params": {"pubs": [["x"]]}}
        with requests.Session() as session:
            print(session.post(end.url + "/jobs", json=body, headers=headers).status_code)
        running.stop()
        """
    )

    assert (done.stdout, done.stderr, done.returncode) == ("200\n", "", 0)


def test_a_program_without_a_main_guard_may_end_during_a_real_simulation() -> None:
    done = run(
        """
        import time, requests
        from qiskit_rest_primitives.server.embedded import embedded

        end = embedded()
        gates = "".join(f"ry(0.{k + 1}) q[{k % 25}]; cx q[{k % 25}], q[{(k + 1) % 25}];" for k in range(900))
        text = f'OPENQASM 3.0; include "stdgates.inc"; bit[25] c; qubit[25] q; {gates} c = measure q;'
        body = {"program_id": "sampler", "backend": "aer_simulator", "params": {"pubs": [[text, None, 10]]}}
        headers = {"Authorization": "apikey " + end.token, "Service-CRN": end.instance}
        with requests.Session() as session:
            job = session.post(end.url + "/jobs", json=body, headers=headers).json()["id"]
            until = time.monotonic() + 600
            status = ""
            while status != "Running" and time.monotonic() < until:
                status = session.get(end.url + "/jobs/" + job, headers=headers).json()["status"]
                time.sleep(0.02)
            print(status)
            print(session.post(end.url + "/jobs/" + job + "/cancel", headers=headers).status_code)
            print(session.post(end.url + "/jobs", json=body, headers=headers).status_code)
        """
    )

    assert (done.stdout, done.stderr, done.returncode) == ("Running\n204\n200\n", "", 0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_a_forked_child_gets_a_server_of_its_own() -> None:
    done = run(
        """
        import os, warnings, requests
        from qiskit_rest_primitives.server.embedded import embedded

        warnings.simplefilter("ignore")  # Python 3.12 warns of forking with threads
        parent = embedded()
        child = os.fork()
        if child == 0:
            own = embedded()
            with requests.Session() as session:
                good = session.get(own.url + "/health").status_code == 200
            os._exit(0 if good and own.url != parent.url and own.token != parent.token else 1)
        _, status = os.waitpid(child, 0)
        with requests.Session() as session:
            print(os.waitstatus_to_exitcode(status), session.get(parent.url + "/health").status_code)
        """
    )

    assert (done.stdout, done.stderr, done.returncode) == ("0 200\n", "", 0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_a_child_that_is_forked_while_jobs_run_in_threads_runs_jobs_of_its_own() -> None:
    done = run(
        """
        import os, threading, warnings
        from qiskit import QuantumCircuit
        from qiskit_rest_primitives import QiskitRuntimeService, SamplerV2

        warnings.simplefilter("ignore")  # Python 3.12 warns of forking with threads
        circuit = QuantumCircuit(3)
        circuit.h(range(3))
        circuit.measure_all()

        def sample():
            backend = QiskitRuntimeService(channel="local").backend("aer_simulator")
            return SamplerV2(mode=backend).run([circuit], shots=100).result()[0].data.meas.num_shots

        stop, sampled = threading.Event(), []

        def go_on():
            while not stop.is_set():
                sampled.append(sample())

        sample()
        busy = threading.Thread(target=go_on)
        busy.start()
        found = []
        for _ in range(3):
            child = os.fork()
            if child == 0:
                os._exit(0 if sample() == 100 else 1)
            found.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        stop.set()
        busy.join()
        print(found, set(sampled))
        """
    )

    assert (done.stdout, done.stderr, done.returncode) == ("[0, 0, 0] {100}\n", "", 0)


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_only_who_may_be_on_another_machine_is_answered_compressed(host: str) -> None:
    with serve(host=host, token="a-key", allow_public=True) as server:
        place = server.endpoint
        headers = {
            "Authorization": f"apikey {place.token}",
            "Service-CRN": place.instance,
            "Accept-Encoding": "gzip",
        }
        url = f"http://127.0.0.1:{urlsplit(place.url).port}{urlsplit(place.url).path}/backends/local_heron/properties"
        answer = requests.get(url, headers=headers, timeout=600)

    assert answer.status_code == 200
    assert len(answer.content) > 100_000
    assert ("Content-Encoding" in answer.headers) == (host == "0.0.0.0")
