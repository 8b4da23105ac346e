"""What a ``noise-learner`` job of version 3 asks for besides its boxes: checked, with the schema's defaults (rest-api.md 4.7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...wire.noise_learning import VERSIONS, filled_options
from ..job_errors import ParamsError
from .layer_learning import Protocol
from .learner_options import experimental_of, group, protocol_of, whole

__all__ = ["BoxOptions", "load_box_options"]

_TOP = {"version", "schema_version", "instructions", "options", "support_qiskit"}
_CHECK = {"enable", "x_pulse_type", "strategy"}
_KNOWN = {
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
    values = group(params, _TOP, "params")
    if values.get("version", 3) != 3:
        raise ParamsError("params.version must be 3 where there is a schema_version.")
    if values.get("schema_version") not in VERSIONS:
        raise ParamsError(f"params.schema_version must be one of {', '.join(VERSIONS)}.")
    instructions = values.get("instructions")
    if not isinstance(instructions, Mapping) or not isinstance(instructions.get("circuit_b64"), str):
        raise ParamsError("params.instructions must be an object with circuit_b64.")
    options = filled_options(group(values.get("options"), _KNOWN, "params.options"))
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
