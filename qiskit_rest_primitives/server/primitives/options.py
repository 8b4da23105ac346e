"""What a job's ``params`` ask for besides the PUBs: checked, with defaults filled in (rest-api.md 4.2, 4.3).

The circuits, values and observables inside the PUBs are read elsewhere (``wire/pubs.py``).
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...options.base import OptionGroup
from ...options.groups import SimulatorOptions
from ...options.primitives import EstimatorOptions, SamplerOptions, TwirlingOptions
from ...options.randomizations import Randomizations
from ...qasm.decoupling import Pulses
from ...wire.pubs import MOST_SHOTS, SMALLEST_PRECISION
from ..aer.methods import asked_method
from ..job_errors import ParamsError
from .zne import Extrapolation, load_extrapolation

__all__ = [
    "DEFAULT_PRECISION",
    "DEFAULT_SHOTS",
    "RunOptions",
    "load_estimator_options",
    "load_sampler_options",
]

DEFAULT_SHOTS: int = SamplerOptions._entries["default_shots"].service
DEFAULT_PRECISION: float = EstimatorOptions._entries["default_precision"].service

Keys = Mapping[str, "Keys | None"]
"""Option names; None marks a value, a mapping a group. Clients merge experimental options into groups (rest-api.md 4.2), so
that a group takes other keys, too; they are named as without effect."""


def _declared(group: type[OptionGroup]) -> dict[str, Keys | None]:
    """Return the names of the options that clients send."""
    return {
        name: None if entry.group is None else _declared(entry.group)
        for name, entry in group._entries.items()
        if entry.sent
    }


# Old schemas and guides know these; nothing here depends on them (rest-api.md 9.11, 9.12).
_OLD: Keys = {"experimental": {}, "transpilation": {}, "environment": {}}
_TWIRLING: Keys = {**_declared(TwirlingOptions), "interleave_randomizations": None}
# How Aer simulates, which no client declares: both merge it out of their experimental options.
_SIMULATOR: Keys = {**_declared(SimulatorOptions), "method": None}
_MORE: Keys = {**_OLD, "twirling": _TWIRLING, "simulator": _SIMULATOR}
_SAMPLER: Keys = {**_declared(SamplerOptions), **_MORE}
_ESTIMATOR: Keys = {**_declared(EstimatorOptions), **_MORE, "resilience_level": None}
_TOP = {"pubs", "version", "support_qiskit", "options"}
_SAMPLER_TOP = _TOP | {"shots"}
_ESTIMATOR_TOP = _TOP | {"precision", "resilience_level"}
_MEAS_TYPES = ("classified", "kerneled", "avg_kerneled")


@dataclass(frozen=True)
class RunOptions:
    """How to run the PUBs of one job.

    Attributes:
        shots: Shots for a Sampler PUB that names none.
        precision: Precision for an Estimator PUB that names none.
        fixed_shots: Shots of an Estimator PUB that names no precision, when shots were asked for.
        seed: Seed of everything random; None takes entropy from the system.
        meas_type: ``classified``, ``kerneled`` or ``avg_kerneled``.
        noise_model: A noise model sent with the job, in any form it was decoded to; None for the device's.
        layer_noise: Noise of layers that was sent with the job, in the tagged form; None for none.
        strategy: Which qubits of a layer are twirled.
        twirl_gates: Gate twirling was asked for.
        twirl_measure: Measurement twirling is on, asked for or implied by mitigation.
        measure_mitigation: Readout errors are to be mitigated.
        zne: Zero-noise extrapolation as asked for; None without.
        support_qiskit: Encode the result for Qiskit (rest-api.md 4.11).
        echo: The option groups that the result's metadata repeats.
        without_effect: Names of requested options that this server accepts and does not act on.
        simulation: Options of Aer that the job or the device asks for, such as ``method``.
        randomizations: Into how many randomisations twirling splits the shots.
        pulses: Dynamical decoupling as asked for, which acts on devices with coherent errors of idle qubits; None without.
        scheduler_timing: Whether results are to say how circuits are scheduled, which devices with durations know.
    """

    shots: int = DEFAULT_SHOTS
    precision: float = DEFAULT_PRECISION
    fixed_shots: int | None = None
    seed: int | None = None
    meas_type: str = "classified"
    noise_model: Any = None
    layer_noise: Any = None
    strategy: str = "active-accum"
    twirl_gates: bool = False
    twirl_measure: bool = False
    measure_mitigation: bool = False
    zne: Extrapolation | None = None
    support_qiskit: bool = False
    echo: Mapping[str, Any] = field(default_factory=dict)
    without_effect: tuple[str, ...] = ()
    simulation: Mapping[str, Any] = field(default_factory=dict)
    randomizations: Randomizations = field(default_factory=Randomizations)
    pulses: Pulses | None = None
    scheduler_timing: bool = False

    @property
    def twirled(self) -> bool:
        """Whether twirling of gates or measurements was asked for."""
        return self.twirl_gates or self.twirl_measure

    def estimator_shots(self, precision: float | None) -> int:
        """Return the shots of each parameter set and measurement setting of an Estimator PUB.

        Args:
            precision: The PUB's own; None if it names none.
        """
        shots = self.fixed_shots
        if precision is not None or shots is None:
            wanted = self.precision if precision is None else precision
            # The small factor keeps 1 / 0.01**2 from becoming 10001.
            shots = math.ceil(1 / wanted / wanted * (1 - 1e-12))
        shots = max(1, shots)
        return math.prod(self.randomizations.split(shots)) if self.twirled else shots

    def num_randomizations(self, shots: int) -> int:
        """Return into how many randomisations the shots of a PUB are split, 1 without twirling."""
        return self.randomizations.split(shots)[0] if self.twirled else 1


def load_sampler_options(params: Any) -> RunOptions:
    """Check the params of a sampler's job and read what they ask for.

    Args:
        params: The decoded ``params`` of the submission.

    Raises:
        ParamsError: An unknown key, or a value that makes no sense, named with its JSON path.
    """
    options = _checked(params, _SAMPLER_TOP, _SAMPLER)
    common = _common(params, options)
    twirling, execution = options.get("twirling") or {}, options.get("execution") or {}
    return RunOptions(
        **common,
        shots=_first(
            params.get("shots"), common["randomizations"].product, options.get("default_shots"), DEFAULT_SHOTS
        ),
        meas_type=_first(execution.get("meas_type"), "classified"),
        twirl_measure=bool(twirling.get("enable_measure")),
        without_effect=_without_effect(options, _SAMPLER, twirl_gates=common["twirl_gates"]),
    )


def _common(params: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    twirling, simulator = options.get("twirling") or {}, options.get("simulator") or {}
    return {
        "seed": _first(simulator.get("seed_simulator"), options.get("seed_estimator")),
        "noise_model": simulator.get("noise_model"),
        "layer_noise": simulator.get("layer_noise_model"),
        "strategy": _first(twirling.get("strategy"), "active-accum"),
        "support_qiskit": bool(params.get("support_qiskit")),
        "twirl_gates": bool(twirling.get("enable_gates")),
        "randomizations": Randomizations.load(twirling),
        "pulses": _pulses(options.get("dynamical_decoupling") or {}),
        "scheduler_timing": bool((options.get("execution") or {}).get("scheduler_timing")),
        "simulation": asked_method(simulator, "params.options.simulator"),
    }


def _pulses(options: Mapping[str, Any]) -> Pulses | None:
    try:
        return Pulses.load(options)
    except ValueError as cause:
        raise ParamsError(f"params.options.{cause}.") from cause


def load_estimator_options(params: Any) -> RunOptions:
    """Check the params of an estimator's job and read what they ask for; see ``load_sampler_options``."""
    options = _checked(params, _ESTIMATOR_TOP, _ESTIMATOR)
    _check_estimator(params, options)
    common = _common(params, options)
    resilience = options.get("resilience") or {}
    twirling = options.get("twirling") or {}
    level = _first(params.get("resilience_level"), options.get("resilience_level"), 1)
    mitigation = bool(_first(resilience.get("measure_mitigation"), level >= 1))
    zne = bool(_first(resilience.get("zne_mitigation"), level >= 2 and not resilience.get("pec_mitigation")))
    common["twirl_gates"] = bool(_first(twirling.get("enable_gates"), level >= 2))
    twirl_measure = mitigation or bool(twirling.get("enable_measure"))
    ignored = _without_effect(options, _ESTIMATOR, twirl_gates=common["twirl_gates"])
    echo = {
        "dynamical_decoupling": {"enable": bool((options.get("dynamical_decoupling") or {}).get("enable"))},
        "twirling": {
            "enable_gates": common["twirl_gates"],
            "enable_measure": twirl_measure,
            "num_randomizations": _first(twirling.get("num_randomizations"), "auto"),
            "shots_per_randomization": _first(twirling.get("shots_per_randomization"), "auto"),
            "interleave_randomizations": True,
            "strategy": _first(twirling.get("strategy"), "active-accum"),
        },
        "resilience": {
            "measure_mitigation": mitigation,
            "zne_mitigation": zne,
            "pec_mitigation": bool(resilience.get("pec_mitigation")),
        },
    }
    explicit = params.get("precision")
    fixed = _first(common["randomizations"].product, options.get("default_shots") or None)
    return RunOptions(
        **common,
        precision=float(_first(explicit, options.get("default_precision"), DEFAULT_PRECISION)),
        fixed_shots=None if explicit is not None else fixed,
        twirl_measure=twirl_measure,
        measure_mitigation=mitigation,
        zne=load_extrapolation(resilience.get("zne") or {}) if zne else None,
        echo=echo,
        without_effect=ignored,
    )


def _without_effect(options: Mapping[str, Any], known: Keys, *, twirl_gates: bool) -> tuple[str, ...]:
    """Name what was asked for and changes nothing on this server, so that a result can say so."""
    resilience = options.get("resilience") or {}
    execution = options.get("execution") or {}
    twirling = options.get("twirling") or {}
    simulator = options.get("simulator") or {}
    asked = {
        "dynamical_decoupling": (options.get("dynamical_decoupling") or {}).get("enable"),
        "twirling.enable_gates": twirl_gates,
        "resilience.zne.amplifier": (resilience.get("zne") or {}).get("amplifier") == "pea",
        "resilience.pec_mitigation": resilience.get("pec_mitigation"),
        "resilience.layer_noise_model": resilience.get("layer_noise_model"),
        "execution.rep_delay": execution.get("rep_delay") is not None,
        "execution.init_qubits": execution.get("init_qubits") is False,
        "execution.scheduler_timing": execution.get("scheduler_timing"),
        "execution.stretch_values": execution.get("stretch_values"),
        "simulator.coupling_map": simulator.get("coupling_map"),
        "simulator.basis_gates": simulator.get("basis_gates"),
        "simulator.angle_decimals": simulator.get("angle_decimals") is not None,
        "simulator.warn_absent": simulator.get("warn_absent") is not None,
        "twirling.group": twirling.get("group") not in (None, "pauli"),
        "experimental": options.get("experimental"),
        "transpilation": options.get("transpilation"),
    }
    return (*(name for name, wanted in asked.items() if wanted), *_unknown(options, known))


def _unknown(options: Mapping[str, Any], known: Keys, place: str = "") -> Iterator[str]:
    """Name the keys of groups that no option has."""
    for name, value in options.items():
        group = known.get(name)
        if place and name not in known:
            yield place + name
        elif group and isinstance(value, Mapping):
            yield from _unknown(value, group, f"{place}{name}.")


def _first(*values: Any) -> Any:
    """Return the first value that is not None."""
    return next((value for value in values if value is not None), None)


def _checked(params: Any, top: set[str], known: Keys) -> Mapping[str, Any]:
    """Return the options of params after the checks that both primitives share."""
    if not isinstance(params, Mapping):
        raise ParamsError("params must be an object.")
    if unknown := sorted(set(params) - top):
        raise ParamsError(f"params has unknown keys: {_listed(unknown)}.")
    if params.get("version", 2) != 2:
        raise ParamsError("params.version must be 2.")
    if not isinstance(params.get("pubs"), list):
        raise ParamsError("params.pubs must be a list of PUBs.")
    _check_groups(params.get("options"), known, "params.options")
    options: Mapping[str, Any] = params.get("options") or {}
    _check_counts(params, options)
    meas_type = (options.get("execution") or {}).get("meas_type")
    if meas_type is not None and meas_type not in _MEAS_TYPES:
        raise ParamsError(f"params.options.execution.meas_type must be one of {', '.join(_MEAS_TYPES)}.")
    return options


def _check_groups(value: Any, known: Keys, path: str, *, top: bool = True) -> None:
    if value is None:
        return
    if not isinstance(value, Mapping):
        raise ParamsError(f"{path} must be an object.")
    if top and (unknown := sorted(set(value) - set(known))):
        raise ParamsError(f"{path} has unknown keys: {_listed(unknown)}.")
    for key, group in known.items():
        if group is not None and key in value:
            _check_groups(value[key], group, f"{path}.{key}", top=False)


def _check_counts(params: Mapping[str, Any], options: Mapping[str, Any]) -> None:
    twirling = options.get("twirling") or {}
    simulator = options.get("simulator") or {}
    _check_whole("params.shots", params.get("shots"), least=1, most=MOST_SHOTS)
    _check_whole("params.options.default_shots", options.get("default_shots"), least=0, most=MOST_SHOTS)
    _check_whole("params.options.simulator.seed_simulator", simulator.get("seed_simulator"), least=0)
    _check_whole("params.options.seed_estimator", options.get("seed_estimator"), least=0)
    for key in ("num_randomizations", "shots_per_randomization"):
        if twirling.get(key) != "auto":
            _check_whole(f"params.options.twirling.{key}", twirling.get(key), least=1, most=MOST_SHOTS)


def _check_estimator(params: Mapping[str, Any], options: Mapping[str, Any]) -> None:
    for path, value in (
        ("params.precision", params.get("precision")),
        ("params.options.default_precision", options.get("default_precision")),
    ):
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if value is not None and not (number and 0 < value <= sys.float_info.max):
            raise ParamsError(f"{path} must be a number greater than 0.")
        if value is not None and value < SMALLEST_PRECISION:
            raise ParamsError(f"{path} must be at least {SMALLEST_PRECISION}.")
    for path, value in (
        ("params.resilience_level", params.get("resilience_level")),
        ("params.options.resilience_level", options.get("resilience_level")),
    ):
        if value not in (None, 0, 1, 2):
            raise ParamsError(f"{path} must be 0, 1 or 2.")
    resilience = options.get("resilience") or {}
    if resilience.get("zne_mitigation") and resilience.get("pec_mitigation"):
        raise ParamsError("params.options.resilience: zne_mitigation and pec_mitigation exclude each other.")


def _check_whole(path: str, value: Any, *, least: int, most: float = math.inf) -> None:
    if value is None:
        return
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ParamsError(f"{path} must be a whole number of at least {least}.")
    if value > most:
        raise ParamsError(f"{path} must be at most {most:.0e}.")


def _listed(names: list[str]) -> str:
    return ", ".join(map(repr, names))[:300]
