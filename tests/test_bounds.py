"""The lower bounds that pyproject.toml declares are the versions that ``make test-lowest`` installs."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # pytest brings it

ROOT = Path(__file__).parent.parent
NOT_IN_THE_LOWEST = {
    "coverage": "measures the tests, not the code's behaviour",
    "py-spy": "looks at what a benchmark runs",
    "qiskit-rest-primitives": "it is what is tested",
    "qiskit-machine-learning": "needs a newer NumPy",
    "qiskit-noise-learning": "needs a newer Qiskit and NumPy, and Python 3.11",
    "mypy": "judges the code, not its behaviour",
    "ruff": "judges the code, not its behaviour",
    "types-requests": "is for mypy",
}


def versions(kind: str) -> dict[str, Version]:
    """Return the version of each package in a file of constraints."""
    lines = (ROOT / ".ci" / f"constraints-{kind}.txt").read_text().splitlines()
    found = [Requirement(line) for line in lines if not line.startswith("#")]
    of_the_lowest = {"python_version": "3.10"} if kind == "lowest" else {"python_version": "3.14"}
    found = [each for each in found if each.marker is None or each.marker.evaluate(of_the_lowest)]
    return {canonicalize_name(each.name): Version(next(iter(each.specifier)).version) for each in found}


def test_the_lowest_versions_are_the_declared_bounds() -> None:
    """Faults B (bounds): no bound is declared that nobody runs with."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"].values()
    texts = [*project["dependencies"], *(text for extra in extras for text in extra)]
    declared: dict[str, Version] = {}
    for each in map(Requirement, texts):
        name = canonicalize_name(each.name)
        if name not in NOT_IN_THE_LOWEST:
            (declared[name],) = (Version(part.version) for part in each.specifier if part.operator == ">=")
    declared["distributed"] = declared["dask"]  # dask[distributed] brings its own version

    assert {name: version.release for name, version in versions("lowest").items()} == {
        name: (*version.release, 0, 0)[:3] for name, version in declared.items()
    }


@pytest.mark.parametrize("name", sorted(versions("lowest")))
def test_the_newest_versions_are_not_below_the_lowest(name: str) -> None:
    assert versions("newest")[name] >= versions("lowest")[name]
