"""The lower bounds that pyproject.toml declares are the versions that ``make test-lowest`` installs."""

from __future__ import annotations

from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

CI = Path(__file__).parent.parent / ".ci"
NOT_IN_THE_LOWEST = {
    "qiskit-rest-primitives": "it is what is tested",
    "qiskit-machine-learning": "needs a newer NumPy",
    "mypy": "judges the code, not its behaviour",
    "ruff": "judges the code, not its behaviour",
    "types-requests": "is for mypy",
}


def versions(kind: str) -> dict[str, Version]:
    """Return the version of each package in a file of constraints."""
    lines = (CI / f"constraints-{kind}.txt").read_text().splitlines()
    found = [Requirement(line) for line in lines if not line.startswith("#")]
    return {canonicalize_name(each.name): Version(next(iter(each.specifier)).version) for each in found}


def test_the_lowest_versions_are_the_declared_bounds() -> None:
    """Faults B (bounds): no bound is declared that nobody runs with."""
    declared: dict[str, Version] = {}
    for each in map(Requirement, requires("qiskit-rest-primitives") or []):
        lower = [Version(part.version) for part in each.specifier if part.operator == ">="]
        if canonicalize_name(each.name) not in NOT_IN_THE_LOWEST:
            declared[canonicalize_name(each.name)] = lower[0]
    if "dask" in declared:
        declared["distributed"] = declared["dask"]  # dask[distributed] brings its own version

    assert {name: version.release for name, version in versions("lowest").items()} == {
        name: (*version.release, 0, 0)[:3] for name, version in declared.items()
    }


@pytest.mark.parametrize("name", sorted(versions("lowest")))
def test_the_newest_versions_are_not_below_the_lowest(name: str) -> None:
    assert versions("newest")[name] >= versions("lowest")[name]
