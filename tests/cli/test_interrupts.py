"""A command that is interrupted before it does anything says so in a word, and not in a traceback."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from qiskit_rest_primitives.cli.exits import Exit

LOADING = """
import sys

def interrupted():
    raise KeyboardInterrupt

def broken():  # what a module that is written in another language makes of it
    try:
        interrupted()
    except KeyboardInterrupt:
        raise ImportError("initialization failed")

class Finder:
    def find_spec(self, name, *_):
        if name == "qiskit_rest_primitives.{module}":
            {stop}()

sys.meta_path.insert(0, Finder())
sys.argv = ["qiskit-rest", "jobs", "list", "--json"]
from qiskit_rest_primitives.cli import main
main()
"""


@pytest.mark.parametrize(
    ("module", "stop"),
    [
        (module, stop)
        for module in ("cli.app", "cli.output", "accounts.account", "service.service")
        for stop in ("interrupted", "broken")
    ],
)
def test_a_command_is_interrupted_while_it_loads(module: str, stop: str) -> None:
    code = LOADING.format(module=module, stop=stop)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr.strip()) == (Exit.INTERRUPTED, "Stopped.")
    if module == "service.service":  # the rest is needed to write anything
        assert json.loads(done.stdout)["error"]["exit_code"] == Exit.INTERRUPTED
