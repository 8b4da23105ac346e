"""What a job's ``params`` ask for besides the PUBs: checked, with defaults filled in (rest-api.md 4.2, 4.3)."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..._recent import remembered
from ...options.groups import SimulatorOptions, TwirlingOptions
from ...options.primitives import EstimatorOptions, SamplerOptions
from ...options.randomizations import Randomizations
from ...qasm.mitigation import Pulses
from ...wire.pubs import SMALLEST_PRECISION
from ..aer.methods import AUTOMATIC, asked_method
from ..aer.own_instructions import METHODS
from ..job_errors import ParamsError
from ..json_schema import ANYTHING, CLOSED, FLAG, Schema, check, closed, option_schema, options_schema, words
from .zne import Extrapolation, load_extrapolation

DEFAULT_SHOTS: int = SamplerOptions._entries["default_shots"].service
DEFAULT_PRECISION: float = EstimatorOptions._entries["default_precision"].service

_ITEMS = {"type": ["array", "string"]}
_PUBS: Schema = {
    "type": "array", "title": "a list of PUBs", "items": _ITEMS,
    "description": "Sampler: [circuit, values?, shots?]; Estimator: [circuit, observables, values?, precision?].",
}  # fmt: skip
_MORE: dict[str, Schema] = {
    "version": {"const": 2},
    "support_qiskit": FLAG | {"default": False, "description": "Answer in the typed form."},
}
# How Aer simulates, which no client declares: both merge it out of their experimental options.
SIMULATOR = options_schema(SimulatorOptions, also={"method": words(AUTOMATIC, *METHODS)})
_BESIDE: dict[str, Schema] = {
    # Old schemas and guides know these; nothing here depends on them (rest-api.md 9.11, 9.12).
    **dict.fromkeys(("experimental", "transpilation", "environment"), ANYTHING),
    "simulator": SIMULATOR,
    "twirling": options_schema(TwirlingOptions, also={"interleave_randomizations": FLAG}),
}
_LEVEL = option_schema(EstimatorOptions._entries["resilience_level"]) | {"title": "0, 1 or 2"}
SAMPLER_PARAMS = closed(
    {"pubs": _PUBS},
    {
        **_MORE,
        "options": options_schema(SamplerOptions, also=_BESIDE) | CLOSED,
        "shots": option_schema(SamplerOptions._entries["default_shots"]) | {"type": ["integer", "null"]},
    },
)
ESTIMATOR_PARAMS = closed(
    {"pubs": _PUBS},
    {
        **_MORE,
        "options": options_schema(EstimatorOptions, also=_BESIDE | {"resilience_level": _LEVEL}) | CLOSED,
        "precision": {"type": ["number", "null"], "exclusiveMinimum": 0},
        "resilience_level": _LEVEL,
    },
)
"""The params that are taken. Groups of options take other keys, too, because clients merge experimental options into them
(rest-api.md 4.2); those are named as without effect."""


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
        """Return the shots of each parameter set and measurement setting of an Estimator PUB, given its own precision, if any."""
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


_READ: dict[tuple[str, str], RunOptions] = {}
_MOST_READ, _LONGEST_READ = 64, 1 << 12
"""How many options are known, and how long they are as JSON."""


def _known(load: Callable[[Any], RunOptions]) -> Callable[[Any], RunOptions]:
    """Read params that differ from former ones in their PUBs alone no second time, since loops send the same again."""

    @functools.wraps(load)
    def known(params: Any) -> RunOptions:
        pubs = params.get("pubs") if isinstance(params, dict) else None
        if not pubs or not isinstance(pubs, list):  # more is not asked of them here
            return load(params)
        try:
            text = json.dumps({name: value for name, value in params.items() if name != "pubs"})
        except TypeError:  # an object, whose content is not compared
            return load(params)
        if len(text) > _LONGEST_READ:
            return load(params)
        return remembered(_READ, (load.__name__, text), lambda: load(params), most=_MOST_READ)

    return known


@_known
def load_sampler_options(params: Any) -> RunOptions:
    """Check the params of a sampler's job and read what they ask for.

    Raises:
        ParamsError: An unknown key, or a value that makes no sense, named with its JSON path.
    """
    check(SAMPLER_PARAMS, params, "params")
    options = params.get("options") or {}
    common = _common(params, options)
    twirling, execution = options.get("twirling") or {}, options.get("execution") or {}
    return RunOptions(
        **common,
        shots=_first(
            params.get("shots"), common["randomizations"].product, options.get("default_shots"), DEFAULT_SHOTS
        ),
        meas_type=_first(execution.get("meas_type"), "classified"),
        twirl_measure=bool(twirling.get("enable_measure")),
        without_effect=_without_effect(options, SAMPLER_PARAMS, twirl_gates=common["twirl_gates"]),
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
        "pulses": Pulses.load(options.get("dynamical_decoupling") or {}),
        "scheduler_timing": bool((options.get("execution") or {}).get("scheduler_timing")),
        "simulation": asked_method(simulator),
    }


@_known
def load_estimator_options(params: Any) -> RunOptions:
    """Check the params of an estimator's job and read what they ask for; see ``load_sampler_options``."""
    check(ESTIMATOR_PARAMS, params, "params")
    options = params.get("options") or {}
    _check_estimator(params, options)
    common = _common(params, options)
    resilience = options.get("resilience") or {}
    twirling = options.get("twirling") or {}
    level = _first(params.get("resilience_level"), options.get("resilience_level"), 1)
    mitigation = bool(_first(resilience.get("measure_mitigation"), level >= 1))
    zne = bool(_first(resilience.get("zne_mitigation"), level >= 2 and not resilience.get("pec_mitigation")))
    common["twirl_gates"] = bool(_first(twirling.get("enable_gates"), level >= 2))
    twirl_measure = mitigation or bool(twirling.get("enable_measure"))
    ignored = _without_effect(options, ESTIMATOR_PARAMS, twirl_gates=common["twirl_gates"])
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


def _without_effect(options: Mapping[str, Any], schema: Schema, *, twirl_gates: bool) -> tuple[str, ...]:
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
    return (
        *(name for name, wanted in asked.items() if wanted),
        *_unknown(options, schema["properties"]["options"]),
    )


def _unknown(options: Mapping[str, Any], schema: Schema, place: str = "") -> Iterator[str]:
    """Name the keys of groups that no option has."""
    known = schema["properties"]
    for name, value in options.items():
        if name not in known:
            yield place + name
        elif isinstance(value, Mapping) and "properties" in known[name]:
            yield from _unknown(value, known[name], f"{place}{name}.")


def _first(*values: Any) -> Any:
    """Return the first value that is not None."""
    return next((value for value in values if value is not None), None)


def _check_estimator(params: Mapping[str, Any], options: Mapping[str, Any]) -> None:
    for path, value in (
        ("params.precision", params.get("precision")),
        ("params.options.default_precision", options.get("default_precision")),
    ):
        if value is not None and value < SMALLEST_PRECISION:
            raise ParamsError(f"{path} must be at least {SMALLEST_PRECISION}.")
    resilience = options.get("resilience") or {}
    if resilience.get("zne_mitigation") and resilience.get("pec_mitigation"):
        raise ParamsError("params.options.resilience: zne_mitigation and pec_mitigation exclude each other.")
