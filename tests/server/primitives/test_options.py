"""Which options a job may bring, and which of them change nothing here."""

from __future__ import annotations

import pytest

from qiskit_rest_primitives.options.primitives import EstimatorOptions, SamplerOptions
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
