"""Which options a job may bring, and which of them change nothing here."""

from __future__ import annotations

import pytest

from qiskit_rest_primitives.options.noise_learner import NoiseLearnerOptions
from qiskit_rest_primitives.options.primitives import EstimatorOptions, SamplerOptions
from qiskit_rest_primitives.server.job_errors import ParamsError
from qiskit_rest_primitives.server.primitives.options import load_estimator_options, load_sampler_options
from qiskit_rest_primitives.server.primitives.registry import PROGRAMS, decode

NEWER = [
    ({"twirling": {"group": "local_c1"}}, ["twirling.group"]),
    (
        {"execution": {"scheduler_timing": True, "stretch_values": True}},
        ["execution.scheduler_timing", "execution.stretch_values"],
    ),
    ({"simulator": {"angle_decimals": 3}}, ["simulator.angle_decimals"]),
    ({"simulator": {"warn_absent": False}}, ["simulator.warn_absent"]),
]


@pytest.mark.parametrize(("program", "cls"), [("sampler", SamplerOptions), ("estimator", EstimatorOptions)])
@pytest.mark.parametrize(("options", "names"), NEWER, ids=str)
def test_options_of_the_newer_family_break_no_job_and_are_named(program, cls, options, names):
    params = {"pubs": [], "options": cls(**options).to_wire().options}

    assert list(PROGRAMS[program].without_effect(params)) == names


@pytest.mark.parametrize(("program", "cls"), [("sampler", SamplerOptions), ("estimator", EstimatorOptions)])
def test_every_option_that_a_client_can_send_is_known(program, cls):
    values = {"noise_factors": [1, 3, 5], "extrapolator": "linear", "amplifier": "gate_folding"}

    def filled(group):
        found = {}
        for name, entry in group._entries.items():
            if entry.group is not None:
                found[name] = filled(entry.group)
            elif entry.sent:
                found[name] = values.get(name)
        return found

    sent = {name: value for name, value in filled(cls).items() if name not in ("environment", "experimental")}

    decode(program, {"pubs": [], "options": sent})


def test_nothing_that_has_an_effect_is_named():
    options = EstimatorOptions(
        resilience_level=1, default_shots=100, simulator={"seed_simulator": 1}, seed_estimator=2
    )
    wire = options.to_wire()

    assert PROGRAMS["estimator"].without_effect({"pubs": [], "options": wire.options, **wire.params}) == ()


def declared(group, path=()):
    """Yield where each option that clients send stands, and whether JSON says what it is."""
    for name, entry in group._entries.items():
        if entry.sent and entry.group is not None:
            yield from declared(entry.group, (*path, name))
        elif entry.sent and entry.rule.schema:
            yield (*path, name)


CASES = [
    (program, beside, path)
    for program, kind, beside in (
        ("sampler", SamplerOptions, {"pubs": []}),
        ("estimator", EstimatorOptions, {"pubs": []}),
        ("noise-learner", NoiseLearnerOptions, {"circuits": []}),
    )
    for path in declared(kind)
]


@pytest.mark.parametrize(
    ("program", "beside", "path"), CASES, ids=[f"{case[0]}-{'.'.join(case[2])}" for case in CASES]
)
def test_a_value_that_an_option_does_not_take_is_refused_by_name(program, beside, path):
    """The server checks what the client declares, also what has no effect here, and null is as good as nothing."""
    *groups, name = path
    options = place = {}
    for group in groups:
        place = place.setdefault(group, {})
    place[name] = {"no": "such value"}

    with pytest.raises(ParamsError, match=f"^params.options.{'.'.join(path)} must be "):
        decode(program, {**beside, "options": options})

    place[name] = None
    decode(program, {**beside, "options": options})


LOADS = {"sampler": load_sampler_options, "estimator": load_estimator_options}
ALIKE = [  # equal in Python, or of one spelling, and not the same for the service
    ({"support_qiskit": True}, {"support_qiskit": 1}),
    ({"options": {"default_shots": 100}}, {"options": {"default_shots": 100.5}}),
    (
        {"options": {"twirling": {"enable_gates": False}}},
        {"options": {"twirling": {"enable_gates": 0}}},
    ),
    ({"options": {"simulator": {"seed_simulator": 1}}}, {"options": {"simulator": {"seed_simulator": "1"}}}),
]


@pytest.mark.parametrize("program", LOADS)
@pytest.mark.parametrize(("good", "bad"), ALIKE, ids=str)
def test_options_that_were_read_before_say_nothing_of_others_that_look_like_them(program, good, bad):
    pubs = {"pubs": [["OPENQASM 3.0;"]]}

    for _ in range(2):
        LOADS[program]({**pubs, **good})
        with pytest.raises(ParamsError):
            LOADS[program]({**pubs, **bad})


@pytest.mark.parametrize("program", LOADS)
@pytest.mark.parametrize("pubs", [None, {}, "", 3, {"0": []}], ids=str)
def test_pubs_of_another_kind_are_refused_after_good_ones_too(program, pubs):
    load = LOADS[program]
    load({"pubs": [["OPENQASM 3.0;"]], "version": 2})

    with pytest.raises(ParamsError):
        load({"pubs": pubs, "version": 2})


@pytest.mark.parametrize("program", LOADS)
def test_a_memory_of_options_answers_as_reading_does(program):
    load = LOADS[program]
    for shots in (10, 20, 10, 20):
        params = {"pubs": [["OPENQASM 3.0;"]], "options": {"default_shots": shots}}
        assert load(params) == load.__wrapped__(params)
