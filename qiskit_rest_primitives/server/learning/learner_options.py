"""What a ``noise-learner`` job (version 2) asks for: checked, with the service's defaults (rest-api.md 4.7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...options.groups import ExecutionOptionsV2, SimulatorOptions
from ...options.noise_learner import (
    NoiseLearnerOptions,
    NoiseLearnerV3Options,
    PostCircuitBitFlipChecksOptions,
)
from ...wire.noise_learning import VERSIONS
from ..job_errors import ParamsError
from ..json_schema import (
    ANYTHING,
    CLOSED,
    FLAG,
    TEXT,
    WHOLE,
    check,
    closed,
    extensible,
    option_schema,
    options_schema,
    words,
)
from .layer_learning import Protocol

LEARNER_PARAMS = closed({"circuits": {"type": "array", "title": "a list of circuits", "items": {"type": ["string", "object"]}}}, {
    "version": {"const": 2},
    "options": options_schema(NoiseLearnerOptions, also={
        "experimental": ANYTHING, "support_qiskit": FLAG | {"description": "The answer is in the typed form anyway."},
    }) | CLOSED,
})  # fmt: skip
_CHECKS = options_schema(PostCircuitBitFlipChecksOptions, closed)
BOX_LEARNER_PARAMS = closed({
    "schema_version": words(*VERSIONS),
    "instructions": extensible({"circuit_b64": TEXT}, {"qpy_version": WHOLE}) | {"title": "an object with circuit_b64"},
}, {
    "version": {"const": 3}, "support_qiskit": FLAG,
    "options": options_schema(NoiseLearnerV3Options, closed, also={
        "post_selection": _CHECKS, "experimental": ANYTHING,
        "init_qubits": option_schema(ExecutionOptionsV2._entries["init_qubits"]),
        "rep_delay": option_schema(ExecutionOptionsV2._entries["rep_delay"]) | {"type": ["number", "null"]},
    }),
})  # fmt: skip
"""The params that are taken, by versions 2 and 3."""
_SIMULATOR = {"noise_model", "seed_simulator", "coupling_map"}
"""What has an effect; experimental options of the client are merged into groups, so that others arrive, too."""


@dataclass(frozen=True)
class LearnerOptions:
    """How to learn.

    Attributes:
        most: Most layers to learn; None for all.
        seed: Seed of everything random; None where the options give none.
        noise_model: Noise that was sent along, in any form it was decoded to; None for the device's.
        coupling: Pairs of neighbours that were sent along; None for the device's.
        without_effect: Names of requested options that change nothing here.
    """

    protocol: Protocol
    most: int | None = 4
    strategy: str = "active-accum"
    seed: int | None = None
    noise_model: Any = None
    coupling: tuple[tuple[int, int], ...] | None = None
    without_effect: tuple[str, ...] = ()

    def echo(self) -> dict[str, Any]:
        """Return what the result's metadata repeats."""
        return {
            "max_layers_to_learn": self.most,
            "shots_per_randomization": self.protocol.shots,
            "num_randomizations": self.protocol.randomizations,
            "layer_pair_depths": list(self.protocol.depths),
            "twirling_strategy": self.strategy,
        }


def load_learner_options(params: Any) -> LearnerOptions:
    """Check a job's params, its circuits aside, and read its options.

    Raises:
        ParamsError: An unknown key or a value that makes no sense, named with its JSON path.
    """
    check(LEARNER_PARAMS, params, "params")
    options = params.get("options") or {}
    simulator = options.get("simulator") or {}
    return LearnerOptions(
        protocol=protocol_of(options),
        most=options.get("max_layers_to_learn", LearnerOptions.most),
        strategy=options.get("twirling_strategy") or LearnerOptions.strategy,
        seed=simulator.get("seed_simulator"),
        noise_model=simulator.get("noise_model"),
        coupling=_coupling(simulator.get("coupling_map")),
        without_effect=(
            *(["experimental"] if options.get("experimental") else []),
            *(f"simulator.{name}" for name in sorted(set(simulator) - _SIMULATOR) if simulator[name]),
        ),
    )


def protocol_of(options: Mapping[str, Any]) -> Protocol:
    """Read how long to measure, which every version calls by the same names."""
    names = {
        "depths": "layer_pair_depths",
        "randomizations": "num_randomizations",
        "shots": "shots_per_randomization",
    }
    given = {name: options[key] for name, key in names.items() if options.get(key) is not None}
    return Protocol(**given | {"depths": tuple(given.get("depths", Protocol.depths))})


def _coupling(value: Any) -> tuple[tuple[int, int], ...] | None:
    if value is None:
        return None
    pairs = value if isinstance(value, list) else [value]
    if not all(map(_is_pair, pairs)):
        raise ParamsError("params.options.simulator.coupling_map must be a list of pairs of qubits.")
    return tuple((first, second) for first, second in pairs)


def _is_pair(value: Any) -> bool:
    """Tell whether a value is two different qubits."""
    if not isinstance(value, list) or len(value) != 2 or value[0] == value[1]:
        return False
    return all(type(qubit) is int and qubit >= 0 for qubit in value)


def experimental_of(options: Mapping[str, Any]) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Return the experimental options, which may hold anything, and what they ask of the simulator, as far as they do."""
    given = options.get("experimental")
    experimental = given if isinstance(given, Mapping) else {}
    simulator = experimental.get("simulator")
    return experimental, simulator if isinstance(simulator, Mapping) else {}


@dataclass(frozen=True)
class BoxOptions:
    """How to learn.

    Attributes:
        seed: Seed of everything random; None where the options give none. The schema has no place for one, so this server
            reads it from ``options.experimental.simulator.seed_simulator``.
        noise_model: Noise that was sent along in the same place, in any form it was decoded to; None for the device's.
        without_effect: Names of requested options that change nothing here.
    """

    protocol: Protocol
    seed: int | None = None
    noise_model: Any = None
    without_effect: tuple[str, ...] = ()


def load_box_options(params: Any) -> BoxOptions:
    """Check a job's params, its boxes aside, and read its options.

    Raises:
        ParamsError: An unknown key or a value that makes no sense, named with its JSON path.
    """
    check(BOX_LEARNER_PARAMS, params, "params")
    options = NoiseLearnerV3Options.filled(params.get("options") or {})
    _, simulator = experimental_of(options)
    check(options_schema(SimulatorOptions), simulator, "params.options.experimental.simulator")
    return BoxOptions(
        protocol_of(options),
        simulator.get("seed_simulator"),
        simulator.get("noise_model"),
        _without_effect(options, simulator),
    )


def _without_effect(options: Mapping[str, Any], simulator: Mapping[str, Any]) -> tuple[str, ...]:
    """Name what was asked for and changes nothing: simulated qubits always flip, and always start in the ground state."""
    checks = options["bit_flip_checks"]
    asked = {
        "bit_flip_checks.pre_circuit": checks["pre_circuit"]["enable"],
        "bit_flip_checks.post_circuit": checks["post_circuit"]["enable"],
        "post_selection": options["post_selection"]["enable"],
        "init_qubits": not options["init_qubits"],
        "rep_delay": options["rep_delay"] is not None,
        "experimental": set(experimental_of(options)[0]) - {"simulator"},
    }
    others = set(simulator) - {"seed_simulator", "noise_model"}
    return (
        *(name for name, wanted in asked.items() if wanted),
        *(f"simulator.{name}" for name in sorted(others)),
    )
