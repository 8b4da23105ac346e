"""What importing a primitive costs besides its packages (Qiskit, NumPy, requests), here and at another commit: ratios of one run.

A fresh interpreter for each measurement, both turn by turn; CPU of the best and of the median.
``python benchmarks/imports.py --against COMMIT`` takes about five seconds a round; without a commit there is no second column.
"""

from __future__ import annotations

import argparse
import io
import os
import statistics
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

HERE = Path(__file__).parents[1]
WATCH = """
import sys, time
import numpy, qiskit, requests, urllib3
import qiskit.circuit.library, qiskit.primitives, qiskit.qasm3, qiskit.quantum_info, qiskit.transpiler
start = time.process_time()
from qiskit_rest_primitives import {name}
files = [it for it in sys.modules if it.partition(".")[0] == "qiskit_rest_primitives"]
print(time.process_time() - start, len(files))
"""


def imported(name: str, root: Path) -> tuple[float, int]:
    """Return the CPU seconds that importing a name takes after its packages, and how many modules of ours it loads."""
    code = f"import sys; sys.path.insert(0, {str(root)!r})\n" + WATCH.format(name=name)
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    seconds, modules = done.stdout.split()
    return float(seconds), int(modules)


def extracted(commit: str, folder: Path) -> Path:
    """Write the package of a commit to a folder."""
    archive = subprocess.run(
        ["git", "archive", commit, "qiskit_rest_primitives"], cwd=HERE, capture_output=True, check=True
    )
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
        files.extractall(folder, filter="data")
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--against", metavar="COMMIT", help="a commit whose import stands beside")
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        roots = [HERE] + ([extracted(options.against, Path(folder))] if options.against else [])
        for name in ("SamplerV2", "EstimatorV2", "QiskitRuntimeService"):
            for root in roots:
                imported(name, root)  # writes the bytecode
            found = [[imported(name, root) for root in roots] for _ in range(options.rounds)]
            seconds = [[measured[place][0] for measured in found] for place in range(len(roots))]
            shown = [
                f"{min(one) * 1e3:6.1f} {statistics.median(one) * 1e3:6.1f} ms, {found[0][place][1]} modules"
                for place, one in enumerate(seconds)
            ]
            if options.against:
                best, middle = (of(seconds[0]) / of(seconds[1]) for of in (min, statistics.median))
                shown.append(f"ratio {best:.2f} (best), {middle:.2f} (median)")
            print(f"{name:22}", *shown, sep="  ")


if __name__ == "__main__":
    main()
