"""All benchmarks but ``faults.py``, three times, as one table with the medians: ``make bench``.

Writes ``benchmarks/results.json``, the tables in ``docs/performance.md`` between their marks, and the picture
``docs/performance.svg``. ``--only PART`` measures some parts anew and keeps the others; ``--draw`` measures nothing and
writes page and picture from the results that are there.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from table import Row, dumped, loaded, markdown

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results.json"
PAGE = HERE.parent / "docs" / "performance.md"
PICTURE = HERE.parent / "docs" / "performance_picture.py"
PACKAGES = (
    "qiskit", "qiskit-aer", "qiskit-ibm-runtime", "numpy", "requests", "urllib3", "uvicorn", "starlette", "httptools", "uvloop",
    "distributed",
)  # fmt: skip
TIMES = 3
QUICK = 2.0
"""Seconds; what takes longer is run once."""


def loop_rows() -> Iterator[Row]:
    """A user's loop, in turns that leave no processor to the idle threads of who was before."""
    import loop

    for row in loop.rows(iterations=120, turn=10, repeat=3):
        yield Row("loop", row.name, row.ours, "ms", row.peer_name, row.peer, aim=row.aim)


def import_rows() -> Iterator[Row]:
    """What a process pays before it begins."""
    import imports

    return imports.rows()


def engine_rows() -> Iterator[Row]:
    """What simulates: what stands beside it once where it takes long, and as often as others are run where it does not."""
    import engines

    for case in engines.CASES:
        runs = [engines.measured(replace(case, rounds=1))]
        while len(runs) < TIMES and runs[0].peer < QUICK:
            runs.append(engines.measured(replace(case, rounds=1)))
        rows = [
            [
                Row(
                    "engines",
                    run.name,
                    1e3 * run.ours,
                    "ms",
                    run.beside,
                    1e3 * run.peer,
                    aim=run.aim,
                    note=run.method,
                )
            ]
            for run in runs
        ]
        yield from median(rows)


def server_rows(against: Any = None) -> Iterator[Row]:
    """Many clients at once."""
    import server

    return server.rows(repeat=TIMES, seconds=0.6, against=against)


def storage_rows() -> Iterator[Row]:
    """Many stored jobs, large bodies."""
    import storage

    return storage.rows()


def codec_rows() -> Iterator[Row]:
    """What is written and read."""
    import codec

    return codec.rows(shots=200_000, sets=200, rounds=3)


def profile_rows() -> Iterator[Row]:
    """Where one iteration's time goes."""
    import iteration_profile

    return iteration_profile.rows()


PARTS: dict[str, tuple[Callable[..., Iterator[Row]], int]] = {
    "loop": (loop_rows, 1),
    "profile": (profile_rows, TIMES),
    "import": (import_rows, 1),
    "engines": (engine_rows, 1),
    "server": (server_rows, 1),
    "storage": (storage_rows, 1),
    "codec": (codec_rows, 1),
}
"""Each benchmark, and how often it is run; those that are run once repeat what they measure by themselves."""


def median(runs: Sequence[Sequence[Row]]) -> list[Row]:
    """Return the rows of several runs as one: the run with the median ratio, or cost where nothing stands beside."""
    found = []
    for same in zip(*runs, strict=True):
        order = sorted(same, key=lambda row: row.ours if row.ratio is None else row.ratio)
        found.append(order[(len(order) - 1) // 2])
    return found


def machine() -> dict[str, Any]:
    """Describe what it was measured on, without names of the machine."""
    cpu = platform.processor() or platform.machine()
    place = Path("/proc/cpuinfo")
    if place.exists():
        names = re.findall(r"^model name\s*: (.*)$", place.read_text(encoding="utf-8"), re.MULTILINE)
        cpu = names[0] if names else cpu
    return {
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "cpu": cpu,
        "system": platform.system(),
        "python": platform.python_version(),
        "packages": {name: installed(name) for name in PACKAGES},
    }


def installed(package: str) -> str | None:
    """Return the version of a package; None if it is not there."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def described(results: dict[str, Any]) -> str:
    """Return the note of the machine as a line of text."""
    of = results["machine"]
    packages = ", ".join(f"{name} {found}" for name, found in of["packages"].items() if found)
    return f"{of['cores']} cores of {of['cpu']}, {of['system']}, Python {of['python']}; {packages}."


def filled(page: str, results: dict[str, Any]) -> str:
    """Return the page with the tables and the note of the machine that the results say."""
    rows = loaded(results["rows"])
    texts = {part: markdown(row for row in rows if row.part == part) for part in PARTS}
    texts["machine"] = described(results)
    for name, text in texts.items():
        begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
        before, _, rest = page.partition(begin)
        page = f"{before}{begin}\n{text}\n{end}{rest.partition(end)[2]}"
    return page


def draw(results: dict[str, Any]) -> None:
    """Write the page and the picture."""
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8"), results), encoding="utf-8", newline="\n")
    spec = importlib.util.spec_from_file_location("performance_picture", PICTURE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.PICTURE.write_text(module.picture(results), encoding="utf-8", newline="\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", choices=PARTS, default=list(PARTS), help="parts to measure anew")
    parser.add_argument("--draw", action="store_true", help="measure nothing")
    parser.add_argument("--times", type=int, help="how often each part is run")
    parser.add_argument("--against", metavar="DIRECTORY", help="a checkout to compare the server with")
    chosen = parser.parse_args()
    results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {"rows": []}
    if not chosen.draw:
        rows = loaded(results["rows"])
        for part in chosen.only:
            start = time.perf_counter()
            rows = [row for row in rows if row.part != part] + measured(part, chosen)
            print(f"{part}: {time.perf_counter() - start:.0f} s", file=sys.stderr, flush=True)
            rows.sort(key=lambda row: [*PARTS].index(row.part))
            results = {"machine": machine(), "rows": dumped(rows)}
            RESULTS.write_text(
                json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8", newline="\n"
            )
    draw(results)
    print(
        "\n\n".join(
            f"{part}\n{markdown(row for row in loaded(results['rows']) if row.part == part)}"
            for part in PARTS
        )
    )


def measured(part: str, chosen: argparse.Namespace) -> list[Row]:
    """Run a benchmark as often as it is to be run."""
    run, times = PARTS[part]
    arguments = {}
    if part == "server" and chosen.against:
        from server import Version

        arguments["against"] = Version(str(Path(chosen.against).resolve()))
    found = median([list(run(**arguments)) for _ in range(chosen.times or times)])
    return [replace(row, ours=short(row.ours), peer=short(row.peer), limit=short(row.limit)) for row in found]


def short(value: Any) -> Any:
    """Round to four digits that count, so that the file is readable."""
    return None if value is None else float(f"{value:.4g}")


if __name__ == "__main__":
    main()
