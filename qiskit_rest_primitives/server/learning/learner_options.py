"""What a ``noise-learner`` job (version 2) asks for: checked, with the service's defaults (rest-api.md 4.7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...wire.noise_learning import VERSIONS, filled_options
from ..job_errors import ParamsError
from .gate_layers import STRATEGIES
from .layer_learning import Protocol

__all__ = [
    "BoxOptions",
    "LearnerOptions",
    "experimental_of",
    "group",
    "load_box_options",
    "load_learner_options",
    "protocol_of",
    "whole",
]

_TOP = {"circuits", "version", "options"}
_KNOWN = {
    "max_layers_to_learn",
    "shots_per_randomization",
    "num_randomizations",
    "layer_pair_depths",
    "twirling_strategy",
    "simulator",
    "experimental",
    "support_qiskit",
}
_SIMULATOR = {"noise_model", "seed_simulator", "coupling_map"}
"""What has an effect; experimental options of the client are merged into groups, so that others arrive, too."""
_DEFAULT = Protocol()


@dataclass(frozen=True)
class LearnerOptions:
    """How to learn.

    Attributes:
        protocol: How long to measure.
        most: Most layers to learn; None for all.
        strategy: Which qubits are twirled.
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
    options = group(params, _TOP, "params")
    if not isinstance(options.get("circuits"), list):
        raise ParamsError("params.circuits must be a list of circuits.")
    if options.get("version") not in (None, 2):
        raise ParamsError("params.version must be 2.")
    options = group(options.get("options"), _KNOWN, "params.options")
    simulator = group(options.get("simulator"), None, "params.options.simulator")
    if not isinstance(options.get("support_qiskit", True), bool):
        raise ParamsError("params.options.support_qiskit must be true or false.")
    strategy = options.get("twirling_strategy") or LearnerOptions.strategy
    if strategy not in STRATEGIES:
        raise ParamsError(f"params.options.twirling_strategy must be one of {', '.join(STRATEGIES)}.")
    most = options.get("max_layers_to_learn", LearnerOptions.most)
    return LearnerOptions(
        protocol=protocol_of(options),
        most=most if most is None else whole("params.options.max_layers_to_learn", most, least=0),
        strategy=strategy,
        seed=_optional(simulator, "seed_simulator"),
        noise_model=simulator.get("noise_model"),
        coupling=_coupling(simulator.get("coupling_map")),
        without_effect=(
            *(["experimental"] if options.get("experimental") else []),
            *(f"simulator.{name}" for name in sorted(set(simulator) - _SIMULATOR) if simulator[name]),
        ),
    )


def protocol_of(options: Mapping[str, Any]) -> Protocol:
    """Read how long to measure, which every version calls by the same names.

    Raises:
        ParamsError: A value makes no sense.
    """
    depths = options.get("layer_pair_depths")
    if depths is None:
        depths = list(_DEFAULT.depths)
    if not isinstance(depths, list):
        raise ParamsError("params.options.layer_pair_depths must be a list of whole numbers.")
    for depth in depths:
        whole("params.options.layer_pair_depths", depth, least=0)
    counts = {
        "randomizations": ("num_randomizations", _DEFAULT.randomizations),
        "shots": ("shots_per_randomization", _DEFAULT.shots),
    }
    found = {
        name: default if options.get(key) is None else whole(f"params.options.{key}", options[key], least=1)
        for name, (key, default) in counts.items()
    }
    return Protocol(tuple(depths), **found)


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


def _optional(simulator: Mapping[str, Any], name: str) -> int | None:
    value = simulator.get(name)
    return None if value is None else whole(f"params.options.simulator.{name}", value, least=0)


def group(value: Any, known: set[str] | None, path: str) -> Mapping[str, Any]:
    """Return an object, empty for null, after a check of its keys; None lets any pass.

    Raises:
        ParamsError: It is none, or has an unknown key.
    """
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise ParamsError(f"{path} must be an object.")
    if known is not None and (unknown := sorted(set(value) - known)):
        raise ParamsError(f"{path} has unknown keys: {', '.join(map(repr, unknown))[:300]}.")
    return value


def experimental_of(options: Mapping[str, Any]) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Return the experimental options, which may hold anything, and what they ask of the simulator, as far as they do."""
    given = options.get("experimental")
    experimental = given if isinstance(given, Mapping) else {}
    simulator = experimental.get("simulator")
    return experimental, simulator if isinstance(simulator, Mapping) else {}


def whole(path: str, value: Any, *, least: int) -> int:
    """Return a whole number after a check.

    Raises:
        ParamsError: It is none, or too small.
    """
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ParamsError(f"{path} must be a whole number of at least {least}.")
    return value


_TOP_OF_BOXES = {"version", "schema_version", "instructions", "options", "support_qiskit"}
_CHECK = {"enable", "x_pulse_type", "strategy"}
_KNOWN_OF_BOXES = {
    "shots_per_randomization",
    "num_randomizations",
    "layer_pair_depths",
    "bit_flip_checks",
    "post_selection",
    "init_qubits",
    "rep_delay",
    "experimental",
}


@dataclass(frozen=True)
class BoxOptions:
    """How to learn.

    Attributes:
        protocol: How long to measure.
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
    values = group(params, _TOP_OF_BOXES, "params")
    if values.get("version", 3) != 3:
        raise ParamsError("params.version must be 3 where there is a schema_version.")
    if values.get("schema_version") not in VERSIONS:
        raise ParamsError(f"params.schema_version must be one of {', '.join(VERSIONS)}.")
    instructions = values.get("instructions")
    if not isinstance(instructions, Mapping) or not isinstance(instructions.get("circuit_b64"), str):
        raise ParamsError("params.instructions must be an object with circuit_b64.")
    options = filled_options(group(values.get("options"), _KNOWN_OF_BOXES, "params.options"))
    _check_flags(options)
    _, simulator = experimental_of(options)
    seed = simulator.get("seed_simulator")
    if seed is not None:
        whole("params.options.experimental.simulator.seed_simulator", seed, least=0)
    return BoxOptions(
        protocol_of(options), seed, simulator.get("noise_model"), _without_effect(options, simulator)
    )


def _check_flags(options: Mapping[str, Any]) -> None:
    path = "params.options"
    checks = {"post_selection": options["post_selection"]}
    for name, value in group(
        options["bit_flip_checks"], {"pre_circuit", "post_circuit"}, f"{path}.bit_flip_checks"
    ).items():
        checks[f"bit_flip_checks.{name}"] = value
    for name, value in checks.items():
        found = group(value, _CHECK, f"{path}.{name}")
        if not isinstance(found["enable"], bool):
            raise ParamsError(f"{path}.{name}.enable must be true or false.")
        for key, allowed in (("x_pulse_type", ("xslow", "rx")), ("strategy", ("node", "edge"))):
            if found[key] not in allowed:
                raise ParamsError(f"{path}.{name}.{key} must be one of {', '.join(allowed)}.")
    if not isinstance(options["init_qubits"], bool):
        raise ParamsError(f"{path}.init_qubits must be true or false.")
    delay = options["rep_delay"]
    if delay is not None and (isinstance(delay, bool) or not isinstance(delay, (int, float))):
        raise ParamsError(f"{path}.rep_delay must be a number.")


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
