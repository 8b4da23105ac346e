"""Options against those of qiskit-ibm-runtime: the same names, the same request for the same values."""

from __future__ import annotations

import dataclasses
import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from qiskit.transpiler import CouplingMap

from qiskit_rest_primitives import options, options_models
from qiskit_rest_primitives.options import primitives as ours
from qiskit_rest_primitives.options.base import OptionGroup

theirs = pytest.importorskip(
    "qiskit_ibm_runtime.options", reason="needs the dev extra: pip install -e .[dev]"
)
models = pytest.importorskip("qiskit_ibm_runtime.options_models", reason="as above")


def legacy_paths(options: Any, prefix: str = "") -> set[str]:
    found = set()
    for field in dataclasses.fields(options):
        value = getattr(options, field.name)
        if dataclasses.is_dataclass(value):
            found |= legacy_paths(value, f"{prefix}{field.name}.")
        elif not field.name.startswith("_"):
            found.add(prefix + field.name)
    return found


def newer_paths(options: Any, prefix: str = "") -> set[str]:
    found = set()
    for name in type(options).model_fields:
        value = getattr(options, name)
        if hasattr(type(value), "model_fields"):
            found |= newer_paths(value, f"{prefix}{name}.")
        else:
            found.add(prefix + name)
    return found


@pytest.mark.parametrize("name", ["SamplerOptions", "EstimatorOptions", "ExecutorOptions"])
def test_every_option_of_both_families_is_there(name: str) -> None:
    mine = set(getattr(ours, name)._paths())

    if hasattr(theirs, name):
        assert legacy_paths(getattr(theirs, name)()) - mine == set()
    assert newer_paths(getattr(models, name)()) - mine == set()


def test_every_group_has_its_name() -> None:
    for name in {*options.__all__, *options_models.__all__}:
        kind = getattr(options if name in options.__all__ else options_models, name)
        if isinstance(kind, type) and issubclass(kind, OptionGroup):
            assert hasattr(theirs, name) or hasattr(models, name), name


@pytest.mark.parametrize("name", ["SamplerOptions", "EstimatorOptions"])
def test_what_is_not_set_looks_alike(name: str) -> None:
    mine, reference = getattr(ours, name)(), getattr(theirs, name)()

    for path in legacy_paths(reference):
        my_value: Any = mine
        their_value: Any = reference
        for part in path.split("."):
            my_value, their_value = getattr(my_value, part), getattr(their_value, part)
        assert repr(my_value) == repr(their_value), path


COMMON: list[dict[str, Any]] = [
    {},
    {"default_shots": 100},
    {"dynamical_decoupling": {"enable": True, "sequence_type": "XY4"}},
    {"twirling": {"enable_gates": False, "num_randomizations": 3, "shots_per_randomization": "auto"}},
    {"simulator": {"seed_simulator": 3, "coupling_map": [[0, 1], [1, 0]], "basis_gates": ["cz"]}},
    {"simulator": {"coupling_map": CouplingMap([[0, 1], [1, 2]])}},
    {"execution": {"init_qubits": False, "rep_delay": 0.001}},
    {"experimental": {"execution": {"fast": True}, "other": 1, "image": "a:b"}},
    {"experimental": {"twirling": {"enable_gates": True}}, "twirling": {"strategy": "all"}},
    {"max_execution_time": 5, "environment": {"job_tags": ["a"], "private": True, "log_level": "ERROR"}},
]
ESTIMATOR: list[dict[str, Any]] = [
    {"default_precision": 0.1, "resilience_level": 2, "seed_estimator": 4},
    {"resilience": {"measure_mitigation": True, "measure_noise_learning": {"num_randomizations": 4}}},
    {
        "resilience": {
            "zne_mitigation": True,
            "zne": {"noise_factors": [1, 2, 3, 4], "extrapolator": ["double_exponential", "linear"]},
        }
    },
    {"resilience": {"pec_mitigation": True, "pec": {"max_overhead": None, "noise_gain": 0.5}}},
    {"resilience": {"layer_noise_learning": {"max_layers_to_learn": None, "layer_pair_depths": [0, 3]}}},
]
CASES = [("SamplerOptions", values) for values in COMMON] + [
    ("EstimatorOptions", values) for values in COMMON + ESTIMATOR
]


@pytest.mark.parametrize(("name", "values"), CASES)
def test_the_same_values_make_the_same_request(name: str, values: dict[str, Any]) -> None:
    mine = getattr(ours, name)(**values).to_wire()
    kind = getattr(theirs, name)
    reference = dataclasses.asdict(kind(**values))
    inputs, runtime = kind._get_program_inputs(reference), kind._get_runtime_options(reference)

    assert mine.options == inputs["options"]
    assert mine.params.get("resilience_level") == inputs.get("resilience_level")
    assert mine.envelope["log_level"].upper() == runtime["log_level"]
    assert mine.envelope.get("tags") == (runtime["job_tags"] or None)
    assert mine.envelope.get("cost") == (runtime["max_execution_time"] or None)
    assert mine.envelope.get("private", False) == runtime["private"]
    assert mine.envelope.get("runtime") == runtime.get("image")


@pytest.mark.parametrize(("name", "values"), CASES)
def test_the_same_dict_updates_alike(name: str, values: dict[str, Any]) -> None:
    mine, reference = getattr(ours, name)(), getattr(theirs, name)()

    mine.update(**values)
    reference.update(**values)

    kind = getattr(theirs, name)
    assert mine.to_wire().options == kind._get_program_inputs(dataclasses.asdict(reference))["options"]


REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("SamplerOptions", {"execution": {"meas_type": "raw"}}),
    ("SamplerOptions", {"resilience_level": 1}),
    ("SamplerOptions", {"twirling": {"num_randomizations": 0}}),
    ("SamplerOptions", {"twirling": {"strategy": "none"}}),
    ("SamplerOptions", {"simulator": {"noise_model": "x"}}),
    ("SamplerOptions", {"dynamical_decoupling": {"sequence_type": "YY"}}),
    ("SamplerOptions", {"no_such": 1}),
    ("SamplerOptions", {"twirling": {"no_such": 1}}),
    ("EstimatorOptions", {"default_precision": 0}),
    ("EstimatorOptions", {"default_shots": -1}),
    ("EstimatorOptions", {"resilience_level": 3}),
    ("EstimatorOptions", {"execution": {"meas_type": "classified"}}),
    ("EstimatorOptions", {"resilience": {"zne_mitigation": True, "pec_mitigation": True}}),
    ("EstimatorOptions", {"resilience": {"measure_noise_learning": {"num_randomizations": 4}}}),
    ("EstimatorOptions", {"resilience": {"zne": {"noise_factors": [0.5, 1, 2]}}}),
    ("EstimatorOptions", {"resilience": {"zne": {"extrapolator": "polynomial_degree_3"}}}),
    ("EstimatorOptions", {"resilience": {"pec": {"max_overhead": 0}}}),
    ("EstimatorOptions", {"resilience": {"layer_noise_learning": {"max_layers_to_learn": -1}}}),
]


@pytest.mark.parametrize(("name", "values"), REFUSED)
def test_both_refuse_with_a_value_error(name: str, values: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        getattr(theirs, name)(**values)
    with pytest.raises(ValueError):
        getattr(ours, name)(**values)


# fmt: off
SAME: list[Any] = [
    2, 3.0, 1.5, 1j, b"x", object(), {"a": 1}, np.int64(3), np.float64(2.5), Fraction(1, 2), (1, 3, 5), [1.5, 2.5],
    [0.5], ["a"], ["linear", "fallback"], [[0, 1]], [["a"]], range(1, 4), "", "abc", "XX", "xx", "edges", "asap", "all",
    "local_c1", "kerneled", "pea", "linear", "INFO", "name:1",
]
STRICTER: list[Any] = [
    "1", "0.5", 10**20, "true", True, False, 1.0, -1, 0, -0.5, math.inf, math.nan, [], [True], ["x" * 87], ["t"] * 9,
]
"""What ours refuse for some options where the official classes do not (docs/compatibility.md, "option values")."""
LOOSER: list[Any] = [None, "auto", "debug", [-1]]
"""What ours accept for some options where the official classes do not; as above."""
# fmt: on


def accepts(options: Any, path: str, value: Any) -> bool:
    if path.startswith("resilience.measure_noise_learning."):
        options.resilience.measure_mitigation = True
    *groups, name = path.split(".")
    for group in groups:
        options = getattr(options, group)
    try:
        setattr(options, name, value)
    except (ValueError, TypeError):
        return False
    return True


@pytest.mark.parametrize(
    ("family", "name"),
    [
        (theirs, "SamplerOptions"),
        (theirs, "EstimatorOptions"),
        (models, "SamplerOptions"),
        (models, "EstimatorOptions"),
        (models, "ExecutorOptions"),
    ],
    ids=lambda given: getattr(given, "__name__", given),
)
@pytest.mark.filterwarnings("ignore")
def test_every_option_takes_the_values_that_the_official_one_takes(family: Any, name: str) -> None:
    mine, reference = getattr(ours, name), getattr(family, name)
    paths = legacy_paths(reference()) if family is theirs else newer_paths(reference())

    differing = []
    for path in sorted(paths):
        for value in SAME + STRICTER + LOOSER:
            here, there = accepts(mine(), path, value), accepts(reference(), path, value)
            listed = LOOSER if here else [value] if path == "environment.job_tags" else STRICTER
            if here != there and not any(value is one for one in listed):
                differing.append(f"{path} = {value!r}: {here}")
    assert differing == []
