"""Large bodies wait in a file: the server needs no memory for them, and nothing is left of it."""

from __future__ import annotations

import gc
import gzip
import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from qiskit_rest_primitives.server.faults.plan import load_faults
from qiskit_rest_primitives.server.jobs.store import Store
from qiskit_rest_primitives.server.spool import LARGE_BYTES, Spool

pytestmark = pytest.mark.skipif(os.name != "posix", reason="elsewhere bodies wait in memory")
SIZE = 3 * LARGE_BYTES
JOB = {"program_id": "sampler", "backend": "aer_simulator", "tags": ["ä"]}


def params(size: int = SIZE) -> dict[str, Any]:
    return {"pubs": [["// ä" + "x" * size]]}


@pytest.fixture
def call(start: Callable[..., Any], tmp_path: Path) -> Any:
    """A server with a database, in which jobs stay queued."""
    plan = load_faults(json.dumps({"faults": [{"kind": "queue", "seconds": 600, "times": None}]}))
    return start(lambda s: replace(s, faults=plan), database=str(tmp_path / "jobs.db"))


def left(place: Path) -> list[str]:
    return [path.name for path in place.iterdir() if "upload" in path.name]


def test_bytes_are_shared_with_another_process_and_go_with_their_owner(tmp_path: Path) -> None:
    spool = Spool.beside(str(tmp_path / "a.db"))
    spool.add([b"abc", b"", b"defg"])
    other = pickle.loads(pickle.dumps(spool))

    assert left(tmp_path)
    assert len(other) == 7
    assert [other.read(), other.read(2, 3), other.read(7, 5)] == [b"abcdefg", b"cde", b""]
    other.replace(b"xy")
    del other
    gc.collect()
    assert [spool.read(), spool.read(1)] == [b"xy", b"y"]
    del spool
    gc.collect()
    assert left(tmp_path) == []


@pytest.mark.parametrize("packed", [False, True])
def test_a_large_job_is_stored_as_it_was_sent(packed: bool, call: Any, tmp_path: Path, wait_for: Any) -> None:
    text = json.dumps({**JOB, "params": params()}, ensure_ascii=False).encode()
    headers = {"Content-Type": "application/json", "Idempotency-Key": "k"}
    body = gzip.compress(text, 0 if packed else 1) if packed else text
    if packed:
        headers["Content-Encoding"] = "gzip"

    made = [call("POST", "/jobs", data=body, headers=headers).json() for _ in range(2)]
    other = json.dumps({**JOB, "params": params(SIZE + 1)}).encode()
    refused = call("POST", "/jobs", data=other, headers={"Idempotency-Key": "k"})
    wrong = call("POST", "/jobs", data=b'{"params": [' + b" " * SIZE)

    assert made[0] == made[1]
    assert [refused.status_code, wrong.status_code] == [409, 400]
    store = call.server._server._app.state.server.store
    assert json.loads(store.bodies.read_at_once("params", made[0]["id"])) == params()
    assert store.connection.execute("SELECT count(DISTINCT job) FROM pieces").fetchone() == (1,)
    # An answer may come before the server has let go of the body it is about.
    wait_for(lambda: gc.collect() >= 0 and not left(tmp_path), "the end of the files")


_SERVE = """
import sys
from qiskit_rest_primitives.server.__main__ import main
sys.exit(main(["--token", "key", "--database", *sys.argv[1:]]))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc/.../status, which Linux has")
def test_the_memory_of_the_server_does_not_grow_with_the_body(tmp_path: Path) -> None:
    import requests

    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps({"faults": [{"kind": "queue", "seconds": 600, "times": None}]}))
    command = [sys.executable, "-c", _SERVE, str(tmp_path / "jobs.db"), "--fault-plan", str(plan)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        ready = json.loads(server.stdout.readline())
        signed = {"Authorization": "apikey key", "Service-CRN": ready["instance"]}

        def peak_after(size: int) -> int:
            body = json.dumps({**JOB, "params": params(size)}).encode()
            assert requests.post(f"{ready['url']}/jobs", data=body, headers=signed, timeout=900).ok
            status = Path(f"/proc/{server.pid}/status").read_text()
            return 1024 * int(status.partition("VmHWM:")[2].split()[0])

        before = peak_after(LARGE_BYTES + 1_000_000)
        after = peak_after(8 * LARGE_BYTES)
        server.terminate()
    assert after - before < LARGE_BYTES, "of seven more"


def test_what_a_killed_server_leaves_is_removed_by_the_next_one_on_its_database(tmp_path: Path) -> None:
    place = tmp_path / "jobs[1].db"
    for name in ("jobs[1].db-upload-abc", "jobs1.db-upload-abc", "jobs[1].db-upload"):
        (tmp_path / name).write_text("x")

    Store(str(place)).close()

    assert sorted(left(tmp_path)) == ["jobs1.db-upload-abc", "jobs[1].db-upload"]
