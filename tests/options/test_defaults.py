"""What tables of options say of defaults is what the server applies: saying it aloud changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from qiskit_rest_primitives.options.base import OptionGroup
from qiskit_rest_primitives.options.primitives import EstimatorOptions, SamplerOptions
from qiskit_rest_primitives.options.rules import ByLevel, Unset
from qiskit_rest_primitives.server.learning.learner_options import load_learner_options
from qiskit_rest_primitives.server.primitives.options import RunOptions
from qiskit_rest_primitives.server.primitives.registry import decode

PROGRAMS = {"sampler": SamplerOptions, "estimator": EstimatorOptions}
OTHERS: dict[str, Any] = {
    "default_shots": 7, "default_precision": 0.5, "resilience_level": 0, "execution.meas_type": "kerneled",
    "twirling.enable_gates": None, "twirling.enable_measure": None, "twirling.num_randomizations": 3,
    "twirling.shots_per_randomization": 3, "twirling.strategy": "all", "dynamical_decoupling.enable": True,
    "resilience.measure_mitigation": None, "resilience.zne_mitigation": None, "resilience.pec_mitigation": True,
    "resilience.zne.amplifier": "pea", "resilience.zne.noise_factors": (1, 2), "resilience.zne.extrapolator": "linear",
}  # fmt: skip
"""Options that the server acts on or tells of -> another value than the default; None for the opposite."""


def told(kind: type[OptionGroup], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every option of which the table tells a value that can be given."""
    for name, entry in kind._entries.items():
        if entry.group is not None:
            yield from told(entry.group, f"{prefix}{name}.")
        elif entry.service is not Unset and not (
            isinstance(entry.service, str) and entry.service.startswith("<")
        ):
            yield prefix + name, entry.service


def applied(program: str, path: str | None, value: Any, level: int) -> RunOptions:
    """Return what the server makes of a job with one option, and, for an estimator, a resilience level."""
    options: dict[str, Any] = {}
    if program == "estimator" and path != "resilience_level":
        options["resilience_level"] = level
    *groups, name = (path or "").split(".")
    place = options
    for group in groups:
        place = place.setdefault(group, {})
    if path:
        place[name] = list(value) if isinstance(value, tuple) else value
    options_of: RunOptions = decode(program, {"pubs": [], "options": options}).options
    return options_of


CASES = [(program, *item) for program, kind in PROGRAMS.items() for item in told(kind)]


@pytest.mark.parametrize(("program", "path", "value"), CASES, ids=[f"{case[0]}-{case[1]}" for case in CASES])
@pytest.mark.parametrize("level", [0, 1, 2])
def test_a_told_default_is_what_the_server_applies(program: str, path: str, value: Any, level: int) -> None:
    """Fault D (options tables): where the server acts on an option, another value does make a difference."""
    if program == "sampler" and level:
        return
    at = 1 if path == "resilience_level" else level
    default = value[level] if isinstance(value, ByLevel) else value
    unset = applied(program, None, None, at)

    said = applied(program, path, default, at)

    # An option of which the server says that it has no effect may be named.
    assert {**vars(said), "without_effect": ()} == {**vars(unset), "without_effect": ()}
    if path.startswith("resilience.zne.") and level < 2:
        return  # there is no extrapolation
    if path == "twirling.enable_measure" and level > 0:
        return  # mitigation needs it
    other = applied(program, path, OTHERS.get(path) or another(default), at)
    same = {**vars(other), "without_effect": ()} == {**vars(unset), "without_effect": ()}
    ignored = path in IGNORED or path.startswith(LEARNER)
    assert same is ignored, "does the server act on it?"


@pytest.mark.parametrize(
    "name", ["max_layers_to_learn", "shots_per_randomization", "num_randomizations", "layer_pair_depths"]
)
def test_a_told_default_is_what_the_noise_learner_applies(name: str) -> None:
    """Fault D (options tables): the options of learning are those of a job of the noise learner."""
    default = dict(told(EstimatorOptions))[LEARNER + name]

    def learnt(**options: Any) -> Any:
        listed = {key: list(value) if isinstance(value, tuple) else value for key, value in options.items()}
        return load_learner_options({"circuits": [], "options": listed})

    assert learnt(**{name: default}) == learnt()
    assert learnt(**{name: another(default)}) != learnt()


def another(value: Any) -> Any:
    """Return another value of the same kind."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, tuple):
        return (*value, 64)
    return value + 1 if isinstance(value, int) else CHOICES.get(value, 3)


CHOICES = {"XX": "XY4", "middle": "edges", "alap": "asap", "pauli": "local_c1"}
LEARNER = "resilience.layer_noise_learning."
IGNORED = {
    "dynamical_decoupling.sequence_type", "dynamical_decoupling.extra_slack_distribution", "dynamical_decoupling.scheduling_method",
    "dynamical_decoupling.skip_reset_qubits", "execution.init_qubits", "execution.stretch_values",
    "simulator.angle_decimals", "simulator.warn_absent", "twirling.group", "resilience.pec.max_overhead", "resilience.pec.noise_gain",
    "resilience.measure_noise_learning.num_randomizations", "resilience.measure_noise_learning.shots_per_randomization",
}  # fmt: skip
"""Options that the local server takes and does not act on; their defaults are those of the service's schema (rest-api.md 4.3)."""
