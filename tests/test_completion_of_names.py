"""Tab completion: every name that ``dir()`` shows is the official client's, Qiskit's, or documented; faults D (tab completion)."""

from __future__ import annotations

import pkgutil
import re
import warnings
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from qiskit import QuantumCircuit
from qiskit.primitives import BaseEstimatorV2, BaseSamplerV2
from qiskit.providers import BackendV2, JobV1

from qiskit_rest_primitives import Batch, EstimatorV2, Executor, NoiseLearner, SamplerV2, Session

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTED = {
    word
    for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    for code in re.findall(r"`([^`\n]+)`|^((?: {4}|\w).*)$", page.read_text(), re.MULTILINE)
    for part in code
    for word in re.findall(r"\w+", part)
}
OF_QISKIT = {name for cls in (BackendV2, JobV1, BaseSamplerV2, BaseEstimatorV2) for name in dir(cls)}


@pytest.fixture(scope="module")
def shown(service: Any) -> dict[str, Any]:
    backend = service.backend("aer_simulator")
    coin = QuantumCircuit(1)
    coin.measure_all()
    job = SamplerV2(backend).run([coin], shots=1)
    result = job.result()
    with Session(backend) as session:
        pass
    with Batch(backend) as batch:
        pass
    return {
        "QiskitRuntimeService": service,
        "IBMBackend": backend,
        "RuntimeJobV2": job,
        "Session": session,
        "Batch": batch,
        "SamplerV2": SamplerV2(backend),
        "EstimatorV2": EstimatorV2(backend),
        "NoiseLearner": NoiseLearner(backend),
        "Executor": Executor(backend),
        "execution_span.ExecutionSpans": result.metadata["execution"]["execution_spans"],
        "execution_span.DoubleSliceSpan": result.metadata["execution"]["execution_spans"][0],
    }


def test_names_without_underscore_are_for_users(shown: dict[str, Any]) -> None:
    """Faults D (tab completion shows inner members)."""
    official = pytest.importorskip("qiskit_ibm_runtime", reason="pip install qiskit-ibm-runtime to compare")
    unknown = {}
    for path, ours in shown.items():
        theirs = official
        for part in path.split("."):
            theirs = getattr(theirs, part)
        names = {name for name in {*dir(ours), *dir(type(ours))} if not name.startswith("_")}
        left = names - set(dir(theirs)) - OF_QISKIT - DOCUMENTED
        if (
            path == "IBMBackend"
        ):  # the keys of the configuration, which docs/compatibility.md names as a whole
            left -= set(ours.configuration().to_dict())
        if left:
            unknown[path] = sorted(left)

    assert unknown == {}


def test_a_public_path_shows_what_the_official_client_has_and_nothing_else() -> None:
    """Faults D (tab completion): a package shows no module and no class that is there for the code behind it."""
    official = pytest.importorskip("qiskit_ibm_runtime", reason="pip install qiskit-ibm-runtime to compare")
    paths = [entry.name for entry in pkgutil.walk_packages(official.__path__, "qiskit_ibm_runtime.")]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # some of its modules are on their way out
        theirs = {path.partition(".")[2]: set(dir(import_module(path))) for path in paths}
    anywhere = set(dir(official)).union(*theirs.values()) | {path.rpartition(".")[2] for path in paths}
    shown = {}
    for path in theirs:
        try:
            module = import_module(f"qiskit_rest_primitives.{path}")
        except ModuleNotFoundError:
            continue
        names = {name for name in dir(module) if not name.startswith("_")}
        lists = "__dir__" in vars(module) or type(module).__dir__ is not ModuleType.__dir__
        if lists or names == set(getattr(module, "__all__", ())):  # the paths that only lead on
            shown[path] = names

    assert len(shown) > 80
    assert {path: names - anywhere for path, names in shown.items() if names - anywhere} == {}
    packages = (
        "accounts",
        "circuit",
        "debug_tools",
        "models",
        "options",
        "options_models",
        "results",
        "visualization",
    )
    assert {path: shown[path] - theirs[path] for path in packages if shown[path] - theirs[path]} == {}
