"""The server as a program: command line, ready line, durability."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests
from qiskit import QuantumCircuit
from qiskit_aer import AerSimulator

from qiskit_rest_primitives import QiskitRuntimeService, SamplerV2
from qiskit_rest_primitives.exceptions import IBMInputValueError
from qiskit_rest_primitives.qasm.noise_model import dump_noise_model
from qiskit_rest_primitives.server.__main__ import _devices, _parser, _say_ready, main
from qiskit_rest_primitives.server.devices.idling import CoherentIdling
from qiskit_rest_primitives.server.devices.noise_passes import hold
from qiskit_rest_primitives.server.embedded import ServerAddress, serve
from qiskit_rest_primitives.server.faults.plan import FaultPlan
from qiskit_rest_primitives.server.paste import for_ours, lines_to_paste

BELL = """OPENQASM 3.0;
include "stdgates.inc";
bit[2] meas;
qubit[2] q;
h q[0];
cx q[0], q[1];
meas = measure q;
"""


ENDLESS = (
    'OPENQASM 3.0; include "stdgates.inc"; bit[1] c; qubit[1] q; x q[0]; c[0] = measure q[0]; '
    "while (c[0]) { x q[0]; x q[0]; c[0] = measure q[0]; }"
)


@contextlib.contextmanager
def running(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """Start the program and read its ready line; kill it at the end."""
    process = subprocess.Popen(
        [sys.executable, "-m", "qiskit_rest_primitives.server", "--token", "key", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    with process.stdout, process.stderr:
        try:
            line = process.stdout.readline()
            assert line, process.stderr.read()
            yield process, json.loads(line)
        finally:
            process.kill()
            process.wait(600)


def call(ready: dict[str, str], method: str, path: str, **kwargs: Any) -> requests.Response:
    headers = {"Authorization": "apikey key", "Service-CRN": ready["instance"]} | kwargs.pop("headers", {})
    return requests.request(method, ready["url"] + path, headers=headers, timeout=600, **kwargs)


def final(ready: dict[str, str], job_id: str) -> dict[str, Any]:
    """Return a job when it is over; only a broken test waits to the end."""
    for _ in range(10):
        job: dict[str, Any] = call(ready, "GET", f"/jobs/{job_id}", headers={"Prefer": "wait=60"}).json()
        if job["status"] not in ("Queued", "Running"):
            return job
    raise AssertionError(f"{job_id} did not end: {job}")


def bell(shots: int = 64, **more: Any) -> dict[str, Any]:
    params = {"pubs": [[BELL, None, shots]], "options": {"simulator": {"seed_simulator": 7}}}
    return {"program_id": "sampler", "backend": "aer_simulator", "params": params} | more


def test_one_line_of_json_says_that_the_server_is_ready_and_an_interrupt_ends_it() -> None:
    with running("--backend", "local_heron", "--port", "0") as (process, ready):
        assert ready["url"] == ready["iam_url"] + "/api/v1"
        assert ready["token"] == "key"
        assert ready["instance"].startswith("crn:v1:")
        assert call(ready, "GET", "/backends").json() == {"devices": ["local_heron"]}
        assert process.stderr is not None
        said = process.stderr.readline()
        assert said.startswith(f"Workloads page: {ready['iam_url']}/ ")
        assert "login" not in said, "a link lets somebody in, and a pipe may lead to a log"
        process.send_signal(signal.SIGINT)
        assert process.wait(600) in (0, 130)
        assert process.stdout is not None
        assert process.stdout.read() == ""
        assert "Traceback" not in process.stderr.read()


def test_two_backends_of_one_name_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """One of them would be served to nobody, without a word."""
    with pytest.raises(SystemExit) as stopped:
        main(["--backend", "local_heron", "--backend", "local_heron", "--port", "0"])

    assert stopped.value.code == 2
    assert "Two backends are called 'local_heron'" in capsys.readouterr().err


def test_what_was_acknowledged_survives_a_kill(tmp_path: Path) -> None:
    database = str(tmp_path / "jobs.db")
    with running("--database", database) as (process, ready):
        done = call(ready, "POST", "/jobs", json=bell()).json()["id"]
        final(ready, done)
        result = call(ready, "GET", f"/jobs/{done}/results").content
        session = call(ready, "POST", "/sessions", json={"mode": "batch", "backend": "aer_simulator"}).json()[
            "id"
        ]
        # More work than fits into the time until the kill, two jobs running and the others queued.
        later = [
            call(
                ready,
                "POST",
                "/jobs",
                json=bell(400_000, session_id=session, tags=[f"n{n}"]),
                headers={"Idempotency-Key": f"k{n}"},
            ).json()["id"]
            for n in range(6)
        ]
        process.kill()
        process.wait(600)

    with running("--database", database) as (_, ready):
        assert call(ready, "GET", f"/jobs/{done}/results").content == result
        for number, job_id in enumerate(later):
            job = final(ready, job_id)
            assert (job["status"], job["tags"]) == ("Completed", [f"n{number}"])
        again = call(
            ready,
            "POST",
            "/jobs",
            json=bell(400_000, session_id=session, tags=["n3"]),
            headers={"Idempotency-Key": "k3"},
        )
        assert again.json()["id"] == later[3]
        assert call(ready, "GET", f"/sessions/{session}").json()["state"] == "active"
        samples = call(ready, "GET", f"/jobs/{later[0]}/results").json()["results"][0]["data"]["meas"][
            "samples"
        ]
        assert len(samples) == 400_000


@pytest.mark.parametrize("how", ["--workers=1", "--threads"])
def test_jobs_run_in_processes_or_threads(how: str) -> None:
    with running(how) as (_, ready):
        good = call(ready, "POST", "/jobs", json=bell()).json()["id"]
        bad = call(ready, "POST", "/jobs", json=bell() | {"params": {"pubs": [["nonsense"]]}}).json()["id"]

        assert final(ready, good)["status"] == "Completed"
        state = final(ready, bad)["state"]
        assert (state["status"], bool(state["reason"])) == ("Failed", True)


@pytest.mark.skipif(sys.platform != "linux", reason="finds the worker process through /proc of Linux")
def test_a_worker_that_dies_costs_its_job_only(wait_for: Any) -> None:
    with running("--workers", "1") as (process, ready):
        call(ready, "POST", "/jobs", json=bell())
        victim = call(
            ready, "POST", "/jobs", json=bell() | {"params": {"pubs": [[ENDLESS, None, 1]]}}
        ).json()["id"]
        os.kill(
            wait_for(lambda: the_one_at_work(process.pid), "an endless job beside a spare"), signal.SIGKILL
        )
        survivor = call(ready, "POST", "/jobs", json=bell()).json()["id"]

        state = final(ready, victim)["state"]
        assert (state["status"], state["reason_code"]) == ("Failed", 9999)
        assert final(ready, survivor)["status"] == "Completed"


def the_one_at_work(server: int) -> int | None:
    """Return the process id of a server's only worker that computes, once the spare one has come up and is idle."""
    before = {worker: worker.cpu_times().user for worker in workers_of(server)}
    time.sleep(1)
    at_work = [worker.pid for worker, spent in before.items() if worker.cpu_times().user > spent]
    return at_work[0] if len(at_work) == 1 < len(before) else None


def workers_of(server: int) -> list[psutil.Process]:
    """Return the worker processes of a server."""
    children = psutil.Process(server).children()
    return [child for child in children if "server.worker" in " ".join(child.cmdline())]


def test_a_fault_plan_is_read_from_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = tmp_path / "plan.json"
    plan.write_text('[{"kind": "answer", "path": "/versions$", "status": 503}]')
    with running("--fault-plan", str(plan)) as (_, ready):
        assert [call(ready, "GET", "/versions").status_code for _ in range(2)] == [503, 200]

    plan.write_text("[1]")
    with pytest.raises(SystemExit):
        main(["--fault-plan", str(plan)])
    assert "list of objects" in capsys.readouterr().err


@pytest.mark.parametrize("extra", [[], ["--token", "k"], ["--allow-public"]])
def test_a_public_address_needs_a_token_and_a_clear_word(
    extra: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("QISKIT_REST_PRIMITIVES_TOKEN", raising=False)

    with pytest.raises(SystemExit) as stopped:
        main(["--host", "0.0.0.0", *extra])

    assert stopped.value.code == 2
    assert "--allow-public" in capsys.readouterr().err


@pytest.mark.parametrize(
    "option", ["--database", "--token", "--tls-cert", "--tls-key", "--access-log", "--host"]
)
def test_an_option_that_is_empty_is_not_the_same_as_none(
    option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """``--database "$FILE"`` without FILE must not keep everything in memory (faults C14)."""
    with pytest.raises(SystemExit) as exit_of:
        main([option, ""])

    assert exit_of.value.code == 2
    assert f"argument {option}: must not be empty" in capsys.readouterr().err


def test_a_database_of_another_version_ends_in_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Faults C14: it was a traceback."""
    place = tmp_path / "jobs.sqlite"
    with contextlib.closing(sqlite3.connect(place)) as other:
        other.execute("CREATE TABLE jobs (id TEXT)")
    with pytest.raises(SystemExit) as exit_of:
        main(["--database", str(place), "--backend", "aer_simulator"])

    said = capsys.readouterr().err
    assert exit_of.value.code == 2
    assert f"cannot open the database {place}: its table 'jobs' is not one of this version" in said
    assert "Traceback" not in said


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's; runs there")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_ends_a_server_whose_event_loop_hears_nothing(number: int) -> None:
    """Faults C1: SIGTERM was ignored while the loop was busy."""
    code = (
        "import asyncio, sys\n"
        "from qiskit_rest_primitives.server import __main__ as program, runner\n"
        "runner.LAST_SECONDS = 0.2\n"
        "runner.HttpServer.main_loop = deaf = lambda self: spin()\n"
        "async def spin():\n"
        "    while True: pass\n"
        "sys.exit(program.main(['--threads', '--backend', 'aer_simulator']))\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process.stdout:
        process.stdout.readline()
        process.send_signal(number)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.5)
        process.send_signal(number)
        assert process.wait(600) == 128 + number


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--workers", "none"], "whole number"),
        (["--no-such-option"], "unrecognized arguments"),
        (["--log-level", "loud"], "invalid choice"),
        (["--backend", "no_such_device"], "no_such_device"),
        (["--backend", "no.such.module:Class"], "no.such.module"),
        (["--port", "TAKEN"], "cannot listen on 127.0.0.1, port"),
        (["--port", "99999"], "cannot listen on 127.0.0.1, port 99999"),
        (
            ["--host", "no.such.host.invalid", "--token", "k", "--allow-public"],
            "cannot listen on no.such.host.invalid",
        ),
        (["--tls-cert", "/no/such/file"], "cannot read certificate and key from /no/such/file"),
        (["--tls-key", "key.pem"], "--tls-key needs --tls-cert"),
        (["--database", "/no/such/directory/jobs.sqlite"], "cannot open the database"),
        (["--access-log", "/no/such/directory/log"], "/no/such/directory/log"),
        (["--dask", "host:8786"], "neither local:N nor an address"),
        (["--dask", "tcp://192.0.2.7:8786"], "--dask-plain"),
        (["--dask", "tcp://127.0.0.1:9"], "127.0.0.1:9"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_start_that_fails_says_why_in_one_line(
    arguments: list[str],
    reason: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Faults D: not after 22 lines of usage."""
    monkeypatch.setattr("qiskit_rest_primitives.server.workers.dask.CONNECT_SECONDS", 0.2)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        with pytest.raises(SystemExit) as stopped:
            main([port if argument == "TAKEN" else argument for argument in arguments])

    said = capsys.readouterr()
    lines = [line for line in said.err.splitlines() if "error: " in line]
    assert stopped.value.code == 2
    assert said.out == ""
    assert len(lines) == 1
    assert reason in lines[0]
    assert "--help" in lines[0]
    assert "Traceback" not in said.err
    assert "usage:" not in said.err


def test_the_lines_to_paste_connect_and_save(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Faults D: a server that runs on its own is saved as an account of the channel local, and found again."""
    monkeypatch.setenv("HOME", str(tmp_path))
    with serve(backends=["aer_simulator"]) as server:
        names: dict[str, Any] = {}
        exec(for_ours(server.endpoint, server.endpoint.token), names)
        assert names["service"].backend("aer_simulator").name == "aer_simulator"
        assert names["service"].is_local
        assert (tmp_path / ".qiskit" / "qiskit-ibm.json").exists()


NOISY_MODULE = """
from qiskit.circuit.library import XGate
from qiskit_aer import AerSimulator
from qiskit_aer.noise import LocalNoisePass, NoiseModel

def model():
    model = NoiseModel()
    model._custom_noise_passes.append(LocalNoisePass(lambda *_: XGate(), op_types=[XGate]))
    return model

def simulator():
    return AerSimulator(noise_model=model())
"""


def test_noise_of_ones_own_code_acts_where_the_server_has_it_and_is_never_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A separate server over HTTP (faults A6)."""
    (tmp_path / "own_noise.py").write_text(NOISY_MODULE)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.syspath_prepend(str(tmp_path))
    model = import_module("own_noise").model()
    circuit = QuantumCircuit(1, 1)
    circuit.x(0)
    circuit.delay(1, 0)
    circuit.measure(0, 0)
    with running("--backend", "own_noise:simulator", "--backend", "local_heron") as (_, ready):
        service = QiskitRuntimeService(
            channel="local", url=ready["url"], token="key", instance=ready["instance"]
        )
        noisy, other = service.backend("aer_simulator"), service.backend("local_heron")

        assert SamplerV2(noisy).run([circuit]).result()[0].data.c.get_counts() == {"0": 4096}

        options = {"simulator": {"noise_model": model}}
        with pytest.raises(IBMInputValueError, match=r"LocalNoisePass of .*model.* runs code of its own"):
            SamplerV2(other, options=options).run([circuit])
        assert len(service.jobs()) == 1

        kept_here = {"simulator": {"noise_model": dump_noise_model(model, hold)}}
        body = bell() | {"backend": other.name, "params": bell()["params"] | {"options": kept_here}}
        refused = call(ready, "POST", "/jobs", json=body)
        assert refused.status_code == 400
        assert "runs code of its own and is kept in another process" in refused.text
        assert len(service.jobs()) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals, which Windows has not")
@pytest.mark.parametrize("on_terminal", [True, False])
def test_the_lines_to_paste_are_for_terminals_only(
    on_terminal: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Fault D (the token in a log): where errors go to a file or a pipe, only the line of JSON has the token."""
    endpoint = ServerAddress("http://h/api/v1", "http://h", "the-token", "crn:instance")
    reader, writer = os.openpty() if on_terminal else os.pipe()
    with open(reader, "rb", buffering=0) as read, open(writer, "w") as errors:  # noqa: PTH123 (descriptors)
        monkeypatch.setattr(sys, "stderr", errors)
        _say_ready(endpoint, lambda base: f"{base}/#login=once")
        print("end", file=errors, flush=True)
        said = ""
        while not said.endswith("end\n"):
            said += read.read(10_000).decode().replace("\r\n", "\n")

    assert json.loads(capsys.readouterr().out) == dataclasses.asdict(endpoint)
    link = "Workloads page, for one browser within an hour: http://h/#login=once\n"
    page = "Workloads page: http://h/ (sign in with the token of the line on standard output)\n"
    assert said == (f"{link}{lines_to_paste(endpoint)}\n" if on_terminal else page) + "end\n"


def test_the_table_of_flags_in_the_docs_tells_the_defaults_that_apply(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Fault D (options tables): every flag is there once, with its default; words stand for one that is worked out."""
    monkeypatch.delenv("QISKIT_REST_PRIMITIVES_TOKEN", raising=False)
    text = (Path(__file__).parents[2] / "docs" / "server.md").read_text()
    table = text.partition("| Flag | Meaning | Default |")[2].partition("\n\n")[0]
    documented = {}
    for line in table.splitlines()[2:]:
        flags, *_, default = re.split(r"(?<!\\)\|", line.strip("|"))
        for flag in re.findall(r"--[a-z-]+", flags):
            assert flag not in documented
            documented[flag] = default.strip().strip("`")
    actions = {action.option_strings[-1]: action.default for action in _parser()._actions}
    del actions["--help"]

    assert documented.keys() == actions.keys()
    worked_out = {flag for flag, it in actions.items() if it is None or it is False or it == FaultPlan()}
    told = {flag: f"{it:g}" if isinstance(it, float) else str(it) for flag, it in actions.items()}
    assert {flag: documented[flag] for flag in told.keys() - worked_out} == {
        flag: told[flag] for flag in told.keys() - worked_out
    }
    assert not [flag for flag in worked_out if documented[flag].isdigit()]


def test_programs_to_retire_are_read_and_must_be_there(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _parser().parse_args(["--retire", "sampler, estimator"]).retire == {"sampler", "estimator"}

    with pytest.raises(SystemExit):
        main(["--retire", "sampler,circuits"])

    assert "there is no program 'circuits': there are sampler, estimator" in capsys.readouterr().err
    monkeypatch.setenv("QISKIT_REST_PRIMITIVES_RETIRE", "estimator")
    assert _parser().parse_args([]).retire == {"estimator"}
    assert _parser().parse_args(["--retire", "sampler"]).retire == {"sampler"}


def test_idle_qubits_of_devices_turn_as_fast_as_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    devices = _devices(_parser().parse_args(["--idling", "2e4,1e4"]))

    assert [device.idling for device in devices] == [None, CoherentIdling(2e4, 1e4)]
    assert _parser().parse_args(["--idling", "2e4"]).idling == (2e4, 0.0)
    for wrong, reason in (
        (["--idling", "fast"], "invalid rates value: 'fast'"),
        (["--idling", "1,inf"], "must be finite numbers"),
        (["--idling", "1", "--backend", "aer_simulator"], "qubits of a simulator never wait"),
    ):
        with pytest.raises(SystemExit):
            main(wrong)
        assert reason in capsys.readouterr().err


def test_a_processor_that_aer_lacks_is_refused_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    processors = AerSimulator().available_devices()
    for name in ("CPU", "GPU"):
        wanted = ["--device", name, "--backend", "aer_simulator"]
        if name in processors:
            simulation = {} if name == "CPU" else {"device": name}
            assert [device.simulation for device in _devices(_parser().parse_args(wanted))] == [simulation]
            continue
        with pytest.raises(SystemExit) as exit_of:
            main(wanted)
        assert exit_of.value.code == 2
        assert f"cannot simulate on {name}, only on {', '.join(processors)}" in capsys.readouterr().err


def test_each_machine_of_a_cluster_has_a_processor_of_its_own() -> None:
    options = ["--device", "GPU", "--backend", "aer_simulator", "--dask", "tls://elsewhere:8786"]

    (device,) = _devices(_parser().parse_args(options))

    assert device.simulation == {"device": "GPU"}
    assert device.twin("mock_aer_simulator", mock=True).simulation == {"device": "GPU"}
