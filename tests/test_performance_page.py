"""docs/performance.md and its picture show what benchmarks/results.json says, and that is all that there is to measure."""

from __future__ import annotations

import importlib.util
import json
import math
import re
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
AGAIN = "run: python benchmarks/bench.py --draw"


def load(path: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Load a file of the repository that is no part of a package; its neighbours are found as when it runs."""
    place = ROOT / path
    monkeypatch.syspath_prepend(str(place.parent))
    spec = importlib.util.spec_from_file_location(f"benchmark_{place.stem}", place)
    assert spec is not None
    assert spec.loader is not None
    module: ModuleType = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)  # dataclasses look there
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def results() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / "benchmarks" / "results.json").read_text(encoding="utf-8"))
    return found


def test_the_page_and_the_picture_show_the_results(
    results: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = load("benchmarks/bench.py", monkeypatch)
    page = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    picture = (ROOT / "docs" / "performance.svg").read_text(encoding="utf-8")

    assert bench.filled(page, results) == page, AGAIN
    assert load("docs/performance_picture.py", monkeypatch).picture(results) == picture, AGAIN
    for row in results["rows"]:
        assert f"| {row['name']} |" in page


def test_the_results_are_whole_and_name_no_place(
    results: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = load("benchmarks/bench.py", monkeypatch)

    assert {row["part"] for row in results["rows"]} == set(bench.PARTS)
    for row in results["rows"]:
        if row["peer"] is not None:
            assert math.isclose(row["ratio"], row["ours"] / row["peer"])
        if row["aim"] is not None and row["ratio"] is not None:
            assert row["met"] is (row["ratio"] <= row["aim"])
    texts = [value for row in (*results["rows"], results["machine"]) for value in row.values()]
    assert not [text for text in texts if isinstance(text, str) and re.search(r"(^|\s)(/|[A-Z]:\\)\w", text)]


def test_the_median_of_several_runs_is_one_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = load("benchmarks/bench.py", monkeypatch)
    one = bench.Row("loop", "a", 4.0, "ms", "Aer", 2.0, aim=1.0)
    alone = bench.Row("loop", "b", 7.0, "ms")
    runs = [
        [one, alone],
        [replace(one, ours=9.0, peer=3.0), replace(alone, ours=5.0)],
        [replace(one, ours=1.0, peer=1.0), replace(alone, ours=6.0)],
    ]

    assert bench.median(runs) == [one, replace(alone, ours=6.0)]
    assert bench.loaded(bench.dumped([one, alone])) == [one, alone]
    assert (one.ratio, one.met, alone.ratio, alone.met) == (2.0, False, None, None)
    assert bench.markdown([one]).splitlines()[-1] == "| a | 4 ms | Aer: 2 ms | 2 | 1, missed |  |  |"
