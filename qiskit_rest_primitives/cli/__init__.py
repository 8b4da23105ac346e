"""``qiskit-rest``: the command line. Every command is in a module of its own, and loads what it needs when it runs."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command that the arguments of the process name, and end it with that command's exit code."""
    try:
        from .app import run

        code = run()
    except ModuleNotFoundError as missing:
        if missing.name != "click":
            raise
        print("qiskit-rest needs click: pip install 'qiskit-rest-primitives[cli]'", file=sys.stderr)
        code = 1
    except KeyboardInterrupt:  # before there is anything to interrupt
        print("Stopped.", file=sys.stderr)
        code = 130
    sys.exit(code)
