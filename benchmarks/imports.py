"""What importing the names of README's first program costs a process, beside its packages and the official client.

A copy of the package, as a wheel installs it, and fresh interpreters turn by turn, of whose processor time the least counts; not on Windows.
``python benchmarks/imports.py``; with ``--against DIRECTORY`` (a checkout) that version takes turns, too.
"""

from __future__ import annotations

import argparse
import compileall
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage

from table import Row, show

HERE = Path(__file__).resolve().parent.parent
PACKAGE = "qiskit_rest_primitives"
NAMES = "QiskitRuntimeService, SamplerV2"
BESIDE = {
    "qiskit, qiskit.primitives, qiskit.qasm3, requests": (
        "import qiskit, qiskit.primitives, qiskit.qasm3, requests", 1.1
    ),
    "official client": (f"from qiskit_ibm_runtime import {NAMES}", None),
}  # fmt: skip
"""What stands beside, and the largest ratio that is aimed at."""


def seconds(program: str, folder: Path) -> float:
    """Return the processor time of a process that runs a program, which finds the package in a folder."""
    before = getrusage(RUSAGE_CHILDREN)
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    subprocess.run([sys.executable, "-c", program], check=True, cwd=folder, env=environment)
    after = getrusage(RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def copied(checkout: Path, folder: Path) -> Path:
    """Copy the package of a checkout to a folder, with its bytecode, as an installer writes it."""
    shutil.copytree(
        checkout / PACKAGE, folder / PACKAGE, ignore=shutil.ignore_patterns("__pycache__", "*.pyc")
    )
    compileall.compile_dir(folder, quiet=2)
    return folder


def rows(*, rounds: int = 12, against: Path | None = None) -> Iterator[Row]:
    """Measure the import in turns with what stands beside it, which with ``against`` is that checkout's as well."""
    own = f"from {PACKAGE} import {NAMES}"
    with tempfile.TemporaryDirectory() as folder:
        ours = copied(HERE, Path(folder) / "ours")
        beside = {name: (program, ours, aim) for name, (program, aim) in BESIDE.items()}
        if against is not None:
            beside["the other version"] = (own, copied(against, Path(folder) / "other"), None)
        turns = [(own, ours), *((program, place) for program, place, _ in beside.values())]
        for turn in turns:  # the first reads from the disk
            seconds(*turn)
        found = [[seconds(*turn) for turn in turns] for _ in range(rounds)]
    first, *others = (1e3 * min(times) for times in zip(*found, strict=True))
    for (name, (_, _, aim)), peer in zip(beside.items(), others, strict=True):
        yield Row("import", f"import of {NAMES}", first, "ms", name, peer, aim=aim)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument(
        "--against", metavar="DIRECTORY", type=Path, help="a checkout of a version to compare with"
    )
    chosen = parser.parse_args()
    show(rows(rounds=chosen.rounds, against=chosen.against))


if __name__ == "__main__":
    main()
