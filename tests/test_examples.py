"""Every program in examples/ runs from start to end, offline, and exits 0; also with only its import line changed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent
EXAMPLES = sorted((ROOT.parent / "examples").glob("*.py"))
OWN = {
    "classic_rest.py": "plain REST without a client",
    "sessions_and_batches.py": "as_completed is this package's own",
}
"""Examples that need more than the official client has, and what."""
GUIDES = [path for path in EXAMPLES if path.name not in OWN]


def run(*arguments: str, cwd: Path, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, "HOME": str(cwd), **environment},
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.parametrize("program", EXAMPLES, ids=lambda path: path.name)
def test_example_runs(program: Path, tmp_path: Path) -> None:
    assert run("-W", "error", str(program), cwd=tmp_path).strip()


@pytest.mark.parametrize("way", ["alias", "official"])
def test_examples_run_with_only_their_import_line_changed(way: str, endpoint: Any, tmp_path: Path) -> None:
    """They import the official client's name: that is this package under the alias, or the real one."""
    environment = {}
    if way == "official":
        if find_spec("qiskit_ibm_runtime") is None:
            pytest.skip("pip install qiskit-ibm-runtime to run the examples with it")
        environment = {
            "QISKIT_IBM_CHANNEL": "ibm_quantum_platform",
            "QISKIT_IBM_TOKEN": endpoint.token,
            "QISKIT_IBM_INSTANCE": endpoint.instance,
            # The word makes the official client use the URL as it is; the server takes it off.
            "QISKIT_IBM_URL": f"{endpoint.iam_url}/experimental/api/v1",
            **dict.fromkeys(("IAM_URL", "GLOBAL_SEARCH_URL", "GLOBAL_CATALOG_URL"), endpoint.iam_url),
        }
    program = str(ROOT / "material" / "run_examples.py")

    printed = run(program, way, *map(str, GUIDES), cwd=tmp_path, **environment)

    lines = [json.loads(line) for line in printed.splitlines() if line.startswith("{")]
    assert [line["example"] for line in lines] == [path.name for path in GUIDES]
    assert all(line["printed"].strip() for line in lines)
