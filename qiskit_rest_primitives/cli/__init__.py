"""``qiskit-rest``: the command line. Commands are in modules by what they are about, and load what they need when they run."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command that the arguments of the process name, and end it with that command's exit code."""
    try:
        from .app import run

        code = run()
    except (KeyboardInterrupt, ImportError) as problem:
        from .exits import interrupt_behind

        if interrupt_behind(problem) is not None:  # before there is anything to interrupt
            said, code = "Stopped.", 130
        elif isinstance(problem, ModuleNotFoundError) and problem.name == "click":
            said, code = "qiskit-rest needs click: pip install 'qiskit-rest-primitives[cli]'", 1
        else:
            raise
        print(said, file=sys.stderr)
    sys.exit(code)
