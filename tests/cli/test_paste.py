"""The lines that ``qiskit-rest serve`` prints into a terminal are executed as they stand, by those whom they are for."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from .test_commands import script

pytestmark = pytest.mark.skipif(os.name != "posix", reason="pastes into a shell; runs on POSIX systems")

RUN = """
from qiskit import QuantumCircuit
backend = service.backend("aer_simulator")
circuit = QuantumCircuit(1)
circuit.x(0)
circuit.measure_all()
print(SamplerV2(mode=backend).run([circuit], shots=7).result()[0].data.meas.get_counts())
"""


@pytest.fixture(scope="module")
def lines() -> Iterator[dict[str, str]]:
    """What a server prints in a terminal, by whom it is for."""
    reader, writer = os.openpty()
    with open(reader, encoding="utf-8") as terminal:  # noqa: PTH123 (a descriptor)
        process = subprocess.Popen(
            [*script(), "serve", "--backend", "aer_simulator", "--threads"],
            stdout=subprocess.DEVNULL,
            stderr=writer,
        )
        os.close(writer)
        try:
            said = ""
            while "curl" not in said:
                said += terminal.readline()
            link, *blocks = said.split("# To paste into ")
            yield dict(block.split(":\n", 1) for block in blocks) | {"link": link.split()[-1]}
            process.send_signal(signal.SIGINT)
            assert process.wait(600) in (0, 130)
        finally:
            process.kill()
            process.wait(600)


def test_the_link_lets_one_browser_in_once(lines: dict[str, str]) -> None:
    page, _, code = lines["link"].partition("#login=")
    answers = [
        requests.post(
            f"{page}web/sign-in", json={"code": code}, headers={"X-Workloads": "1"}, timeout=600
        ).status_code
        for _ in range(2)
    ]

    assert answers == [204, 403]


def shell(home: Path, lines: str) -> Any:
    """Paste lines into the shell of somebody who has no account yet."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("QISKIT_", "IAM_"))}
    own = {"HOME": str(home), "QISKIT_REST_PRIMITIVES_JOURNAL": "off"}
    done = subprocess.run(
        ["sh", "-c", lines],
        env=kept | own,
        cwd=home,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_this_package_runs_a_job_and_finds_the_account_again(lines: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(
        f"from qiskit_rest_primitives import SamplerV2\n{lines['Python']}\n{RUN}"
    )
    assert shell(tmp_path, f"'{sys.executable}' program.py") == "{'1': 7}\n"

    (tmp_path / "program.py").write_text(
        f'from qiskit_rest_primitives import *\nservice = QiskitRuntimeService(name="my-server")\n{RUN}'
    )
    assert shell(tmp_path, f"'{sys.executable}' program.py") == "{'1': 7}\n"


def test_the_official_client_runs_a_job(lines: dict[str, str], tmp_path: Path) -> None:
    pytest.importorskip("qiskit_ibm_runtime", reason="pip install qiskit-ibm-runtime to drive it")
    exports = lines["a shell, for programs that use qiskit-ibm-runtime as it is"]
    (tmp_path / "program.py").write_text(
        f"from qiskit_ibm_runtime import QiskitRuntimeService, SamplerV2\nservice = QiskitRuntimeService()\n{RUN}"
    )

    assert shell(tmp_path, f"{exports}\n'{sys.executable}' program.py") == "{'1': 7}\n"


@pytest.mark.skipif(shutil.which("curl") is None, reason="install curl to send a request with it")
def test_curl_is_told_the_backends(lines: dict[str, str], tmp_path: Path) -> None:
    answer = json.loads(shell(tmp_path, lines["a shell, for plain HTTP"]))

    assert answer["devices"] == ["aer_simulator"]
