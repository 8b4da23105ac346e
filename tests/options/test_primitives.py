"""Options: names, types, allowed values, copies and what they put into a request."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import json
import pickle
import re
from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.transpiler import CouplingMap
from qiskit_aer.noise import NoiseModel, depolarizing_error

from qiskit_rest_primitives.exceptions import IBMInputValueError
from qiskit_rest_primitives.options import groups as declared
from qiskit_rest_primitives.options.groups import (
    DynamicalDecouplingOptions,
    ResilienceOptionsV2,
    TwirlingOptions,
    ZneOptions,
)
from qiskit_rest_primitives.options.primitives import (
    EstimatorOptions,
    OptionsV2,
    SamplerOptions,
    read_options,
)
from qiskit_rest_primitives.options.rules import Unset, UnsetType
from qiskit_rest_primitives.results.noise_learner import LayerError, NoiseLearnerResult

BOTH = [SamplerOptions, EstimatorOptions]


def put(options: OptionsV2, path: str, value: Any) -> None:
    *groups, name = path.split(".")
    target: Any = options
    for group in groups:
        target = getattr(target, group)
    setattr(target, name, value)


def get(options: OptionsV2, path: str) -> Any:
    found: Any = options
    for name in path.split("."):
        found = getattr(found, name)
    return found


def prepared(path: str) -> EstimatorOptions:
    """Options in which ``path`` may be set."""
    mitigation = path.startswith("resilience.measure_noise_learning") or None
    return EstimatorOptions(resilience={"measure_mitigation": mitigation})


# -- Unset -----------------------------------------------------------------------------------------------


def test_unset_is_one_falsy_object_that_says_its_name() -> None:
    assert UnsetType() is Unset
    assert not Unset
    assert repr(Unset) == "Unset"
    assert pickle.loads(pickle.dumps(Unset)) is Unset
    assert copy.deepcopy(Unset) is Unset


# -- every field and what it takes ------------------------------------------------------------------------

# (option, values it takes, values it refuses); a pair (given, kept) where the kept value differs.
COMMON: list[tuple[str, list[Any], list[Any]]] = [
    ("max_execution_time", [1, 10_800, (60.0, 60)], [0, -1, 1.5, "60", True]),
    (
        "environment.log_level",
        ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL", ("info", "INFO")],
        ["TRACE", 10],
    ),
    (
        "environment.job_tags",
        [["a", "b"], [], (("a",), ["a"])],
        ["tag", [1], [f"t{i}" for i in range(9)], ["x" * 87], {"a"}],
    ),
    ("environment.private", [True, False], ["yes", 2]),
    ("environment.image", ["image:tag", "a/b-c:1.2"], [3, "", "image", "a:b:c", "a b:c"]),
    ("environment.max_execution_time", [5], [0]),
    ("simulator.seed_simulator", [0, 42, (np.int64(7), 7)], [-1, 1.5, "42"]),
    (
        "simulator.coupling_map",
        [[[0, 1], [1, 0]], ([(0, 1)], [[0, 1]])],
        [[0, 1], [[0, 1, 2]], "line", [[-1, 0]]],
    ),
    ("simulator.basis_gates", [["cz", "rz"]], ["cz", [1]]),
    ("simulator.noise_model", [{}], ["noise", 3, [1]]),
    ("simulator.layer_noise_model", [[]], [3, [1], [(1, 2)], ["ab"]]),
    ("simulator.angle_decimals", [3], [-1]),
    ("simulator.warn_absent", [False], ["no"]),
    ("experimental", [{}, {"a": {"b": 1}}], ["a", 3, ["a"]]),
    ("execution.init_qubits", [True, False, (np.True_, True), (1, True)], ["True", 2, 0.0]),
    (
        "execution.rep_delay",
        [0, 0.00025, (np.float64(0.5), 0.5)],
        [-1e-9, "fast", float("nan"), float("inf"), True],
    ),
    ("execution.scheduler_timing", [True], [7]),
    ("execution.stretch_values", [True], [7]),
    ("dynamical_decoupling.enable", [True, False], ["XX", 3]),
    ("dynamical_decoupling.sequence_type", ["XX", "XpXm", "XY4"], ["xx", "XY8", 1]),
    ("dynamical_decoupling.extra_slack_distribution", ["middle", "edges"], ["start"]),
    ("dynamical_decoupling.scheduling_method", ["alap", "asap"], ["ALAP"]),
    ("dynamical_decoupling.skip_reset_qubits", [True], ["no"]),
    ("twirling.enable_gates", [True, False], ["all", 5]),
    ("twirling.enable_measure", [True, False], [[]]),
    ("twirling.num_randomizations", [1, 32, "auto"], [0, -1, 1.5, "max", True]),
    ("twirling.shots_per_randomization", [1, 100, "auto"], [0, "AUTO", False]),
    ("twirling.strategy", ["active", "active-accum", "active-circuit", "all"], ["active_accum", "none"]),
    ("twirling.group", ["pauli", "balanced_pauli", "local_c1", "local_pauli"], ["clifford"]),
    ("circuit_format", ["auto", "qasm3", "qpy"], ["qasm", "qasm2", 3]),
    ("program", ["auto", "server", "executor"], ["sampler", "client", True]),
    ("support_qiskit", [True, False], ["yes"]),
]
SAMPLER: list[tuple[str, list[Any], list[Any]]] = [
    ("default_shots", [1, 4096, (1e4, 10_000), (np.int32(5), 5)], [0, -1, 1.5, "100", True, float("inf")]),
    ("execution.meas_type", ["classified", "kerneled", "avg_kerneled"], ["raw", 1]),
]
ESTIMATOR: list[tuple[str, list[Any], list[Any]]] = [
    ("default_precision", [0.015625, 1, (np.float32(0.5), 0.5)], [0, -0.1, "0.1", float("nan"), True]),
    ("default_shots", [0, 1, 4096], [-1, 0.5]),
    ("resilience_level", [0, 1, 2], [-1, 3, 0.5, "1", True]),
    ("seed_estimator", [0, 3], [-1]),
    ("resilience.measure_mitigation", [True, False], ["TREX"]),
    ("resilience.measure_noise_learning.num_randomizations", [1, 32, "auto"], [0]),
    ("resilience.measure_noise_learning.shots_per_randomization", [1, "auto"], [0, "all"]),
    ("resilience.zne_mitigation", [True, False], ["on"]),
    (
        "resilience.zne.amplifier",
        ["gate_folding", "gate_folding_front", "gate_folding_back", "pea"],
        ["fold", 1],
    ),
    (
        "resilience.zne.noise_factors",
        [[1, 3, 5], ((1.0, 2.5), (1.0, 2.5)), "auto"],
        [[0.5, 1], 3, [], "1,3", [1]],
    ),
    (
        "resilience.zne.extrapolator",
        ["linear", "fallback", ["exponential", "linear"], "polynomial_degree_2"],
        [
            "cubic",
            "double_exponential",
            "polynomial_degree_3",
            "polynomial_degree_8",
            [],
            ["linear", "cubic"],
        ],
    ),
    ("resilience.zne.extrapolated_noise_factors", [[0, 1.5], [-1], "auto"], [["x"], float("nan"), "all"]),
    ("resilience.pec_mitigation", [True, False], ["on"]),
    ("resilience.pec.max_overhead", [100, 0.5, None], [0, -1]),
    ("resilience.pec.noise_gain", [0, 1.5, "auto"], [-0.1, "max"]),
    (
        "resilience.layer_noise_model",
        [[LayerError(QuantumCircuit(1), [0])], NoiseLearnerResult([]), []],
        [5, "x", [1]],
    ),
    ("resilience.layer_noise_learning.max_layers_to_learn", [0, 4, None], [-1]),
    ("resilience.layer_noise_learning.shots_per_randomization", [1], [0]),
    ("resilience.layer_noise_learning.num_randomizations", [1], [0]),
    ("resilience.layer_noise_learning.layer_pair_depths", [[0, 1, 2], ((0, 4), [0, 4])], [[-1], 3, []]),
]
TABLE = [(SamplerOptions, *row) for row in COMMON + SAMPLER] + [
    (EstimatorOptions, *row) for row in COMMON + ESTIMATOR
]


def shown(value: Any) -> str:
    """Return the value as part of a test's name, which must be the same in every process."""
    return re.sub(r" object at 0x[0-9a-f]+", "", repr(value))


TAKEN = [
    pytest.param(cls, path, value, id=f"{cls.__name__}-{path}-{shown(value)}")
    for cls, path, taken, _ in TABLE
    for value in taken
]
REFUSED = [
    pytest.param(cls, path, value, id=f"{cls.__name__}-{path}-{shown(value)}")
    for cls, path, _, refused in TABLE
    for value in refused
]


@pytest.mark.parametrize(("cls", "path", "value"), TAKEN)
def test_allowed_values_are_kept(cls: type[OptionsV2], path: str, value: Any) -> None:
    given, kept = value if isinstance(value, tuple) else (value, value)
    options = cls() if cls is SamplerOptions else prepared(path)

    put(options, path, given)

    assert get(options, path) == kept
    assert type(get(options, path)) is type(kept)


@pytest.mark.parametrize(("cls", "path", "value"), REFUSED)
def test_other_values_are_refused_by_name_and_change_nothing(
    cls: type[OptionsV2], path: str, value: Any
) -> None:
    options = cls() if cls is SamplerOptions else prepared(path)
    before = options.replica()

    with pytest.raises(IBMInputValueError) as caught:
        put(options, path, value)

    assert path.rpartition(".")[2] in str(caught.value) or "xtrapolator" in str(caught.value)
    assert options == before


def test_the_table_names_every_option() -> None:
    for cls, rows in ((SamplerOptions, COMMON + SAMPLER), (EstimatorOptions, COMMON + ESTIMATOR)):
        assert set(cls._paths()) == {row[0] for row in rows}


@pytest.mark.parametrize("path", [path for cls, path, *_ in TABLE if cls is EstimatorOptions])
def test_none_and_unset_take_an_option_back(path: str) -> None:
    options = prepared(path)

    put(options, path, None)
    assert get(options, path) is None
    put(options, path, Unset)

    assert get(options, path) is Unset


def test_the_message_says_where_what_and_what_is_allowed() -> None:
    options = EstimatorOptions()

    with pytest.raises(IBMInputValueError) as caught:
        options.resilience.zne.amplifier = "fold"

    assert str(caught.value) == (
        "Option resilience.zne.amplifier must be one of 'gate_folding', 'gate_folding_front', "
        "'gate_folding_back', 'pea'; got 'fold'."
    )


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        ({"defualt_shots": 1}, "'default_shots'"),
        ({"resilience": {"zne": {"amplifer": "pea"}}}, "'resilience.zne.amplifier'"),
        ({"enable_gates": True}, "'twirling.enable_gates'"),
        ({"zzz": 1}, "'resilience'"),
        ({"resilience": {"zne_mitigaton": True}}, "'resilience.zne_mitigation'"),
    ],
)
def test_a_typo_is_an_error_with_a_hint(wrong: dict[str, Any], hint: str) -> None:
    with pytest.raises(ValueError, match="There is no option") as made:
        EstimatorOptions(**wrong)
    with pytest.raises(ValueError, match="There is no option") as updated:
        EstimatorOptions().update(**wrong)

    assert hint in str(made.value)
    assert hint in str(updated.value)


def test_setting_or_reading_an_unknown_attribute_is_an_error() -> None:
    options = SamplerOptions()

    with pytest.raises(IBMInputValueError, match=r"twirling.enable_gates"):
        options.twirling.enable_gate = True
    with pytest.raises(AttributeError):
        _ = options.no_such_option


# -- groups, dicts, update ---------------------------------------------------------------------------------


def test_a_dict_makes_a_group_and_replaces_it_on_assignment() -> None:
    options = EstimatorOptions(twirling={"enable_gates": True})
    options.twirling = {"enable_measure": True}

    assert options.twirling == TwirlingOptions(enable_measure=True)


def test_update_merges_deeply_and_keeps_the_groups() -> None:
    options = EstimatorOptions(resilience={"zne_mitigation": True, "zne": {"noise_factors": [1, 2, 3]}})
    zne = options.resilience.zne

    options.update(resilience={"zne": {"extrapolator": "linear"}}, default_shots=100)

    assert zne is options.resilience.zne
    assert zne == ZneOptions(noise_factors=[1, 2, 3], extrapolator="linear")
    assert options.resilience.zne_mitigation is True
    assert options.default_shots == 100


def test_update_is_all_or_nothing() -> None:
    options = EstimatorOptions(default_shots=5)
    before = options.replica()

    with pytest.raises(IBMInputValueError):
        options.update(default_shots=7, resilience={"zne_mitigation": True, "pec_mitigation": True})

    assert options == before


def test_update_sees_related_options_together_in_any_order() -> None:
    options = EstimatorOptions()

    options.update(
        resilience={"measure_noise_learning": {"num_randomizations": 5}, "measure_mitigation": True}
    )
    options.resilience.zne.update(extrapolator="double_exponential", noise_factors=(1, 2, 3, 4))

    assert options.resilience.measure_noise_learning.num_randomizations == 5
    assert options.resilience.zne.noise_factors == (1, 2, 3, 4)


def test_a_tuple_stays_one_and_is_sent_as_a_list() -> None:
    options = EstimatorOptions(resilience={"zne": {"noise_factors": (1, 3), "extrapolator": ["linear"]}})

    assert options.resilience.zne.noise_factors == (1, 3)
    assert json.loads(json.dumps(options.to_wire().options))["resilience"]["zne"] == {
        "noise_factors": [1, 3],
        "extrapolator": ["linear"],
    }


def test_update_merges_experimental_dicts() -> None:
    options = SamplerOptions(experimental={"a": {"b": 1}})

    options.update(experimental={"a": {"c": 2}})

    assert options.experimental == {"a": {"b": 1, "c": 2}}


def test_a_group_takes_no_other_object() -> None:
    with pytest.raises(IBMInputValueError, match="twirling must be a TwirlingOptions or a dict"):
        SamplerOptions(twirling=DynamicalDecouplingOptions())


# -- rules between options -----------------------------------------------------------------------------------


def test_error_cancellation_and_extrapolation_exclude_each_other() -> None:
    options = EstimatorOptions(resilience={"zne_mitigation": True})

    with pytest.raises(IBMInputValueError, match="cannot both be True"):
        options.resilience.pec_mitigation = True

    assert options.resilience.pec_mitigation is Unset


def test_measurement_learning_needs_measurement_mitigation() -> None:
    with pytest.raises(IBMInputValueError, match="measure_mitigation = True"):
        ResilienceOptionsV2(measure_noise_learning={"num_randomizations": 3})
    options = EstimatorOptions()
    options.resilience.measure_noise_learning.num_randomizations = 3

    with pytest.raises(IBMInputValueError, match="measure_mitigation = True"):
        options.to_wire()


@pytest.mark.parametrize(
    ("extrapolator", "needed"),
    [("linear", 2), ("exponential", 2), ("double_exponential", 4), ("fallback", 2)]
    + [(f"polynomial_degree_{degree}", degree + 1) for degree in range(1, 8)],
)
def test_extrapolators_need_enough_noise_factors(extrapolator: str, needed: int) -> None:
    ZneOptions(extrapolator=extrapolator, noise_factors=list(range(1, needed + 1)))

    with pytest.raises(IBMInputValueError, match=f"at least {needed} noise factors"):
        ZneOptions(extrapolator=extrapolator, noise_factors=list(range(1, needed)))


# -- objects ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cls", BOTH)
def test_options_behave_as_values(cls: type[OptionsV2]) -> None:
    options = cls(default_shots=7, environment={"job_tags": ["a"]}, simulator={"seed_simulator": 0})

    for twin in (
        copy.copy(options),
        copy.deepcopy(options),
        pickle.loads(pickle.dumps(options)),
        options.replica(),
        dataclasses.replace(options),
        cls(**dataclasses.asdict(options)),
        eval(repr(options), vars(declared) | vars(inspect.getmodule(cls))),
    ):
        assert twin == options
        assert type(twin) is cls
    assert options != cls()


def test_a_deep_copy_shares_nothing_that_changes() -> None:
    options = SamplerOptions(environment={"job_tags": ["a"]}, experimental={"a": {}})

    for twin in (copy.deepcopy(options), options.replica()):
        twin.environment.job_tags.append("b")  # type: ignore[union-attr]
        twin.twirling.enable_gates = True
        twin.experimental["a"]["b"] = 1  # type: ignore[index]

    assert options == SamplerOptions(environment={"job_tags": ["a"]}, experimental={"a": {}})


@pytest.mark.parametrize("cls", BOTH)
def test_options_show_every_field_as_text_and_html(cls: type[OptionsV2]) -> None:
    options = cls(default_shots=7)

    assert repr(options).startswith(
        f"{cls.__name__}(max_execution_time=Unset, environment=EnvironmentOptions("
    )
    assert "default_shots=7" in repr(options)
    for path in cls._paths():
        assert path in options._repr_html_()


@pytest.mark.parametrize(
    ("cls", "given", "words"),
    [
        (EstimatorOptions, {"optimization_level": 3}, "transpiled before run"),
        (SamplerOptions, {"transpilation": {"skip_transpilation": True}}, "transpiled before run"),
        (OptionsV2, {"shots": 100}, "set default_shots"),
        (SamplerOptions, {"execution": {"shots": 100}}, "set default_shots"),
        (SamplerOptions, {"resilience_level": 1}, "one of EstimatorV2"),
    ],
)
def test_options_of_the_older_primitives_say_what_to_do_instead(
    cls: type[OptionsV2], given: dict[str, Any], words: str
) -> None:
    with pytest.raises(IBMInputValueError, match=words):
        cls(**given)


@pytest.mark.parametrize("cls", BOTH)
def test_the_signature_names_every_option(cls: type[OptionsV2]) -> None:
    parameters = inspect.signature(cls).parameters

    assert set(parameters) == {field.name for field in dataclasses.fields(cls)}
    assert {parameter.kind for parameter in parameters.values()} == {inspect.Parameter.KEYWORD_ONLY}


def test_values_written_into_the_dict_are_tolerated() -> None:
    options = SamplerOptions()

    options.__dict__["default_shots"] = 12

    assert options.to_wire().options == {"default_shots": 12}


def test_read_options_takes_an_object_a_dict_or_none_and_copies() -> None:
    mine = SamplerOptions(default_shots=3)

    assert read_options(SamplerOptions, None) == SamplerOptions()
    assert read_options(SamplerOptions, mine) == mine
    assert read_options(SamplerOptions, mine) is not mine
    assert read_options(SamplerOptions, {"default_shots": 3}) == mine
    for wrong in (EstimatorOptions(), [("default_shots", 3)], "default_shots", 3):
        with pytest.raises(
            TypeError, match="options must be an object of class SamplerOptions, a dict or None"
        ):
            read_options(SamplerOptions, wrong)


# -- simulators ---------------------------------------------------------------------------------------------------


def test_a_noise_model_object_is_kept_and_a_coupling_map_is_written_as_pairs() -> None:
    noise = NoiseModel()
    noise.add_all_qubit_quantum_error(depolarizing_error(0.01, 1), ["sx"])
    options = SamplerOptions(simulator={"noise_model": noise, "coupling_map": CouplingMap.from_line(3)})

    wire = options.to_wire().options["simulator"]

    assert wire["noise_model"] is noise
    assert sorted(wire["coupling_map"]) == [[0, 1], [1, 0], [1, 2], [2, 1]]


def test_set_backend_imitates_a_backend() -> None:
    options = SamplerOptions()
    backend = GenericBackendV2(3, seed=1)

    options.simulator.set_backend(backend)

    assert isinstance(options.simulator.noise_model, NoiseModel)
    assert options.simulator.coupling_map == backend.coupling_map
    assert set(options.simulator.basis_gates) == set(backend.operation_names)


# -- what is sent ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cls", BOTH)
def test_nothing_set_sends_nothing(cls: type[OptionsV2]) -> None:
    wire = cls().to_wire()

    assert (wire.options, wire.params, wire.envelope) == ({}, {}, {"log_level": "warning"})


def test_only_what_is_set_is_sent_and_each_in_its_place() -> None:
    options = EstimatorOptions(
        max_execution_time=60,
        environment={"log_level": "DEBUG", "job_tags": ["a"], "private": True, "image": "i:1"},
        default_precision=0.1,
        resilience_level=0,
        seed_estimator=0,
        simulator={"seed_simulator": 0},
        twirling={"enable_gates": False},
        resilience={"pec": {"max_overhead": None}, "zne": {"noise_factors": "auto"}},
    )

    wire = options.to_wire()

    assert wire.envelope == {
        "log_level": "debug",
        "tags": ["a"],
        "cost": 60,
        "private": True,
        "runtime": "i:1",
    }
    assert wire.params == {"resilience_level": 0}
    assert wire.options == {
        "default_precision": 0.1,
        "seed_estimator": 0,
        "simulator": {"seed_simulator": 0},
        "twirling": {"enable_gates": False},
        "resilience": {"pec": {"max_overhead": None}},
    }
    json.dumps(wire.options)


def test_the_time_limit_at_the_top_wins() -> None:
    options = SamplerOptions(environment={"max_execution_time": 5})

    assert options.to_wire().envelope["cost"] == 5
    options.max_execution_time = 7

    assert options.to_wire().envelope["cost"] == 7


def test_experimental_is_merged_where_known_and_sent_along_otherwise() -> None:
    options = SamplerOptions(
        default_shots=5,
        experimental={"image": "i:2", "execution": {"new_knob": 1}, "other": {"x": 1}, "resilience": {}},
        execution={"init_qubits": False},
    )

    wire = options.to_wire()

    assert wire.envelope["runtime"] == "i:2"
    assert wire.options == {
        "default_shots": 5,
        "execution": {"init_qubits": False, "new_knob": 1},
        "experimental": {"other": {"x": 1}, "resilience": {}},
    }
    assert options.experimental["image"] == "i:2"  # type: ignore[index]


def test_names_of_the_newer_family_are_sent_only_when_they_ask_for_something_else() -> None:
    usual = SamplerOptions(
        twirling={"group": "pauli"},
        execution={"scheduler_timing": False, "stretch_values": False},
        simulator={"angle_decimals": 5, "warn_absent": True},
    )
    other = SamplerOptions(twirling={"group": "local_c1"}, execution={"scheduler_timing": True})

    assert usual.to_wire().options == {}
    assert other.to_wire().options == {
        "twirling": {"group": "local_c1"},
        "execution": {"scheduler_timing": True},
    }


def test_what_was_sent_does_not_change_with_the_options() -> None:
    options = SamplerOptions(environment={"job_tags": ["a"]}, experimental={"other": {"x": 1}})
    wire = options.to_wire()

    options.environment.job_tags.append("b")  # type: ignore[union-attr]
    options.update(experimental={"other": {"x": 2}})

    assert wire.envelope["tags"] == ["a"]
    assert wire.options["experimental"] == {"other": {"x": 1}}


# -- the newer option family -----------------------------------------------------------------------------


@pytest.mark.parametrize("cls", BOTH)
def test_a_model_dump_can_be_given_back(cls: type[OptionsV2]) -> None:
    options = cls(
        default_shots=10, twirling={"enable_gates": True, "group": "local_c1"}, max_execution_time=9
    )

    everything = options.model_dump()

    assert cls(**everything) == options
    assert everything["environment"]["job_tags"] is None
    assert everything["simulator"] == {}
    assert "job_tags" not in options.model_dump(exclude_none=True)["environment"]
    assert options.model_dump(exclude_unset=True) == {
        "default_shots": 10,
        "twirling": {"enable_gates": True, "group": "local_c1"},
        "max_execution_time": 9,
    }
    json.dumps(everything)


@pytest.mark.parametrize("cls", BOTH)
def test_options_are_copied_with_changes_and_read_from_what_was_dumped(cls: type[OptionsV2]) -> None:
    options = cls(default_shots=10, twirling={"enable_gates": True})

    changed = options.model_copy(update={"default_shots": 20, "twirling": {"num_randomizations": 3}})
    again = cls.model_validate(json.loads(changed.model_dump_json(indent=2)))

    assert (options.default_shots, options.model_copy()) == (10, options)
    assert options.model_copy(deep=True).twirling is not options.twirling
    assert again == changed == cls(default_shots=20, twirling={"enable_gates": True, "num_randomizations": 3})
    assert cls.model_validate(options) is options
    assert json.loads(changed.model_dump_json(exclude_unset=True, exclude_none=True))["default_shots"] == 20
    with pytest.raises(IBMInputValueError, match="default_shots"):
        options.model_copy(update={"default_shots": "many"})
    with pytest.raises(IBMInputValueError, match="shotz"):
        cls.model_validate({"shotz": 3})
    with pytest.raises(IBMInputValueError, match="a dict, not of int"):
        cls.model_validate(3)


def test_what_was_set_is_known() -> None:
    options = EstimatorOptions(resilience_level=0)
    assert options.model_fields_set == {"resilience_level"}
    options.resilience.zne.noise_factors = [1, 3]
    options.environment.job_tags = []
    assert options.model_fields_set == {"resilience_level", "resilience", "environment"}
    assert options.resilience.model_fields_set == {"zne"}
    assert EstimatorOptions().model_fields_set == frozenset()


def test_none_that_means_something_is_dumped_and_taken_back() -> None:
    options = EstimatorOptions(resilience={"pec": {"max_overhead": None}})

    again = EstimatorOptions(**options.model_dump())

    assert again.to_wire().options == {"resilience": {"pec": {"max_overhead": None}}}


def test_a_dump_shares_nothing_that_changes() -> None:
    options = SamplerOptions(environment={"job_tags": ["a"]})

    options.model_dump()["environment"]["job_tags"].append("b")

    assert options.environment.job_tags == ["a"]


@pytest.mark.parametrize(
    ("options", "rows"),
    [
        (SamplerOptions(), {"default_shots": "4096 (default)", "twirling.enable_measure": "False (default)"}),
        (SamplerOptions(default_shots=7), {"default_shots": "7"}),
        (
            EstimatorOptions(),
            {"resilience.measure_mitigation": "True (default)", "default_precision": "0.015625 (default)"},
        ),
        (
            EstimatorOptions(resilience_level=0),
            {"resilience.measure_mitigation": "False (default)", "resilience_level": "0"},
        ),
        (EstimatorOptions(resilience_level=2), {"resilience.zne_mitigation": "True (default)"}),
        (
            EstimatorOptions(resilience_level=2, resilience={"pec_mitigation": True}),
            {"resilience.zne_mitigation": "False (default)", "resilience.pec_mitigation": "True"},
        ),
        (EstimatorOptions(resilience={"pec_mitigation": True}), {"twirling.enable_gates": "True (default)"}),
    ],
)
def test_tables_show_the_default_that_applies(options: Any, rows: dict[str, str]) -> None:
    """Faults D (options tables show "Unset")."""
    lines = [re.split(r"  +", line.strip(), maxsplit=1) for line in str(options).splitlines()[1:]]
    shown = dict(lines)

    assert {name: shown[name] for name in rows} == rows
    for name, value in shown.items():
        assert f">{name}</code>" in options._repr_html_()
        assert "Unset" not in value
        assert value != "not set", f"{name} has no default to show"


def test_groups_show_defaults_by_level() -> None:
    """Faults D (options tables show "Unset"): a group by itself does not know its level."""
    assert "True (default at level 2)" in str(EstimatorOptions().resilience)


@pytest.mark.parametrize("options", [SamplerOptions(), EstimatorOptions()])
def test_completion_of_options_shows_options(options: Any) -> None:
    """Faults D (tab completion)."""
    for group in [options, *(value for value in vars(options).values() if hasattr(value, "_entries"))]:
        names = {name for name in dir(group) if not name.startswith("_")}
        methods = {name for name in names - set(vars(group)) if not name.startswith("model_")}
        assert methods - {"set_backend"} == {"update"}
        assert set(vars(group)) <= names
