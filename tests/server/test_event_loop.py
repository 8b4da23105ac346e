"""What the thread of the event loop, which answers everybody, never does itself."""

from __future__ import annotations

import base64
import io
import sys
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any

import pytest
import requests
from qiskit import QuantumCircuit, qpy

from qiskit_rest_primitives.server.embedded import RunningServer, serve

FOREIGN = 'OPENQASM 3.0; include "stdgates.inc"; gate g(a) q { rx(a) q; } qubit[1] q; bit[1] c; g(pi/3) q[0]; c = measure q;'
OLD = 'OPENQASM 2.0; include "qelib1.inc"; qreg q[1]; creg c[1]; h q[0]; measure q -> c;'
READERS = (
    "antlr4", "openqasm3", "qiskit", "qiskit_aer", "qiskit_qasm3_import", "qiskit_rest_primitives.qasm.foreign",
    "qiskit_rest_primitives.qasm.text", "qiskit_rest_primitives.qasm.qpy_claims",
)  # fmt: skip


def qpy_text() -> str:
    stream = io.BytesIO()
    circuit = QuantumCircuit(1, 1)
    circuit.measure(0, 0)
    qpy.dump(circuit, stream, version=13)
    return base64.b64encode(stream.getvalue()).decode()


@pytest.fixture
def watched() -> Iterator[tuple[RunningServer, set[str]]]:
    """A server, and the modules whose functions the thread of its event loop has called since."""
    modules: set[str] = set()

    def note(frame: FrameType, event: str, _: Any) -> None:
        if (
            event == "call" and frame.f_code.co_name != "find_spec"
        ):  # openqasm3 has a finder, asked at every import
            modules.add(frame.f_globals.get("__name__", ""))

    with serve(backends=["aer_simulator"]) as server:
        loop = server._server._loop
        begun = threading.Event()
        loop.call_soon_threadsafe(lambda: (sys.setprofile(note), begun.set()))
        begun.wait()
        yield server, modules
        loop.call_soon_threadsafe(sys.setprofile, None)


def test_circuits_are_never_read_on_the_event_loop(
    watched: tuple[RunningServer, set[str]], shared: Any
) -> None:
    """Faults C1: reading other people's OpenQASM and QPY takes as long as they like."""
    server, modules = watched
    call = type(shared)(server)
    with call.session:
        pubs = [
            [FOREIGN],
            [OLD],
            [{"__type__": "QuantumCircuit", "__value__": qpy_text()}],
            ["OPENQASM 3; nonsense"],
        ]
        for pub in pubs:
            job = call.submit(params={"pubs": [pub]})
            assert call.wait(job)["status"] in ("Completed", "Failed")
            assert call("GET", f"/jobs/{job}/results").status_code == 200
        orders = ({"qasm_circuits": [FOREIGN, OLD]}, {"qpy_circuits": qpy_text()})
        for order in orders:
            task = call("POST", "/transpile?backend=aer_simulator", json=order).json()["task_id"]
            while call.get(f"/transpile/{task}", headers={"Prefer": "wait=20"})["state"] == "PENDING":
                pass
        classic = {"programId": "sampler", "backend": "aer_simulator", "params": {"pubs": [[FOREIGN]]}}
        login = {"apiToken": call.endpoint.token}
        origin = f"{call.endpoint.iam_url}/api"
        access = requests.post(f"{origin}/users/loginWithToken", json=login, timeout=600).json()["id"]
        headers = {"x-access-token": access}
        requests.post(f"{call.endpoint.iam_url}/runtime/jobs", json=classic, headers=headers, timeout=600)

    assert "qiskit_rest_primitives.server.routes.jobs" in modules
    found = {
        name for name in modules for reader in READERS if name == reader or name.startswith(f"{reader}.")
    }
    assert found == set()


@pytest.mark.parametrize("installed", [True, False])
def test_a_server_runs_on_uvloop_where_it_is_installed(
    installed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not installed:
        monkeypatch.setitem(sys.modules, "uvloop", None)
    wanted = "uvloop" if installed and sys.platform != "win32" else "asyncio"
    with serve(backends=["aer_simulator"]) as server:
        assert type(server._server._loop).__module__.partition(".")[0] == wanted
        assert requests.get(f"{server.endpoint.url}/versions", timeout=600).status_code == 200
