"""``SamplerOptions``, ``EstimatorOptions`` and ``ExecutorOptions``, and what they put into a request."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, TypeVar

from .base import OptionGroup, merged, nested, option, option_group
from .groups import (
    MOST_SHOTS,
    DynamicalDecouplingOptions,
    EnvironmentOptions,
    ExecutionOptionsV2,
    ResilienceOptionsV2,
    SamplerExecutionOptionsV2,
    SimulatorOptions,
    TwirlingOptions,
)
from .rules import Unset, UnsetType, boolean, choice, instance, integer, number


@dataclass(frozen=True)
class WireOptions:
    """What options put into the body of ``POST /jobs`` (rest-api.md 4.1 to 4.3).

    Attributes:
        options: ``params.options``: only what was set, no empty groups. Values are JSON-able but for
            Aer noise models and noise learner results, which the codec writes.
        envelope: Fields beside ``params``: ``log_level`` always; ``tags``, ``cost`` (seconds),
            ``private``, ``runtime`` when set.
        params: Fields beside ``params.options``: ``resilience_level`` when set.
    """

    options: dict[str, Any]
    envelope: dict[str, Any]
    params: dict[str, Any] = field(default_factory=dict)


_DICT = instance(dict, allowed="a dict")

_TRANSPILED = (
    "circuits are transpiled before run(), with "
    "generate_preset_pass_manager(optimization_level=..., backend=backend).run(circuit)"
)
_FORMER = {
    "optimization_level": _TRANSPILED,
    "skip_transpilation": _TRANSPILED,
    "transpilation": _TRANSPILED,
    "shots": "set default_shots, or give run() or a PUB its own",
}
_ESTIMATORS = "it is one of EstimatorV2; sampled bits are not mitigated"


@option_group()
class RequestOptions(OptionGroup):
    """What every job has.

    Attributes:
        max_execution_time: Limit of QPU time in seconds, at least 1; the service's plan limit by default.
        environment: Log level, tags, privacy, image.
        experimental: Dict of what is not documented; ``image`` is lifted to the request.
    """

    max_execution_time: int | UnsetType | None = option(
        integer(1), sent=False, service="<the limit of the plan>"
    )
    environment: EnvironmentOptions = nested(EnvironmentOptions, sent=False)
    experimental: dict[str, Any] | UnsetType | None = option(
        _DICT, sent=False, merges=True, service="<nothing>"
    )

    def _envelope(self, image: Any) -> dict[str, Any]:
        environment = self.environment
        fields = {
            "log_level": (environment.log_level or "WARNING").lower(),
            "tags": list(environment.job_tags or ()),
            "cost": self.max_execution_time or environment.max_execution_time,
            "private": environment.private,
            "runtime": image,
        }
        return {name: value for name, value in fields.items() if value}

    def _experimental(self) -> tuple[dict[str, Any], Any]:
        """Return a copy of ``experimental`` without the image, and the image."""
        experimental: dict[str, Any] = dict(self.experimental) if isinstance(self.experimental, dict) else {}
        return experimental, experimental.pop("image", None) or self.environment.image


@option_group()
class JobOptions(RequestOptions):
    """What every job has that runs circuits.

    Attributes:
        max_execution_time: Limit of QPU time in seconds, at least 1; the service's plan limit by default.
        environment: Log level, tags, privacy, image.
        experimental: Dict of what is not documented; ``image`` is lifted to the request.
        simulator: Noise, seed, coupling.
    """

    simulator: SimulatorOptions = nested(SimulatorOptions)


@option_group()
class OptionsV2(JobOptions):
    """What both primitives have in common.

    Attributes:
        max_execution_time: Limit of QPU time in seconds, at least 1; the service's plan limit by default.
        environment: Log level, tags, privacy, image.
        simulator: Noise, seed, coupling.
        experimental: Dict; keys that are options are merged into them unchecked, ``image`` is lifted to
            the request, the rest is sent as ``options.experimental``.
        circuit_format: How circuits are written: "qasm3", "qpy", or "auto" (OpenQASM 3 unless only QPY
            can carry the circuit).
        support_qiskit: Ask for the typed form of results (default) rather than plain JSON.
        program: What the service runs: "server" (its own sampler or estimator), "executor" (a quantum program that is
            made here), or "auto": the first until the service refuses it. By default what the environment variable
            ``QISKIT_REST_PRIMITIVES_PROGRAM`` says, else "auto".
    """

    _VERSION: ClassVar[int] = 2
    _former: ClassVar[Mapping[str, str]] = _FORMER

    circuit_format: Literal["auto", "qasm3", "qpy"] = option(
        choice("auto", "qasm3", "qpy"), default="auto", sent=False
    )
    support_qiskit: bool = option(boolean(), default=True, sent=False)
    program: Literal["auto", "server", "executor"] | UnsetType | None = option(
        choice("auto", "server", "executor"), sent=False, service="<auto, or what the environment says>"
    )

    def to_wire(self) -> WireOptions:
        """Return what these options put into a request."""
        self.check()
        experimental, image = self._experimental()
        known = {name for name, entry in self._entries.items() if entry.sent}
        ours = {name: experimental.pop(name) for name in known & set(experimental)}
        options = merged(self.sent(), ours)
        if experimental:
            options["experimental"] = experimental
        return WireOptions(options, self._envelope(image), self._params())

    def _params(self) -> dict[str, Any]:
        return {}


@option_group()
class SamplerOptions(OptionsV2):
    """Options of ``SamplerV2``.

    Attributes:
        default_shots: Shots of PUBs that give none, at least 1; service default 4096.
        dynamical_decoupling: Pulses on idle qubits.
        execution: How shots are executed and measured.
        twirling: Randomised compiling.
    """

    _former: ClassVar[Mapping[str, str]] = {
        **_FORMER,
        "resilience_level": _ESTIMATORS,
        "resilience": _ESTIMATORS,
        "default_precision": _ESTIMATORS,
    }

    default_shots: int | UnsetType | None = option(integer(1, MOST_SHOTS), service=4096)
    dynamical_decoupling: DynamicalDecouplingOptions = nested(DynamicalDecouplingOptions)
    execution: SamplerExecutionOptionsV2 = nested(SamplerExecutionOptionsV2)
    twirling: TwirlingOptions = nested(TwirlingOptions)


@option_group()
class EstimatorOptions(OptionsV2):
    """Options of ``EstimatorV2``.

    Attributes:
        default_precision: Precision of PUBs that give none, greater than 0; service default 0.015625.
        default_shots: Shots per measurement basis, at least 0; overrides ``default_precision``.
        resilience_level: 0, 1 or 2; service default 1.
        seed_estimator: Seed of the sampling, at least 0.
        dynamical_decoupling: Pulses on idle qubits.
        resilience: Error mitigation.
        execution: How shots are executed.
        twirling: Randomised compiling.
    """

    default_precision: float | UnsetType | None = option(number(above=0), service=0.015625)
    default_shots: int | UnsetType | None = option(integer(0, MOST_SHOTS), service="<by default_precision>")
    resilience_level: int | UnsetType | None = option(integer(0, 2), sent=False, service=1)
    seed_estimator: int | UnsetType | None = option(integer(0), service="<another one for each job>")
    dynamical_decoupling: DynamicalDecouplingOptions = nested(DynamicalDecouplingOptions)
    resilience: ResilienceOptionsV2 = nested(ResilienceOptionsV2)
    execution: ExecutionOptionsV2 = nested(ExecutionOptionsV2)
    twirling: TwirlingOptions = nested(TwirlingOptions)

    def switches(self) -> dict[str, bool]:
        """Return which mitigation and twirling a job has, by the resilience level and what mitigation needs (rest-api.md 4.3)."""
        level, resilience, twirling = self._level() or 0, self.resilience, self.twirling
        pec = bool(resilience.pec_mitigation)
        measure = _decided(resilience.measure_mitigation, level >= 1)
        zne = _decided(resilience.zne_mitigation, level >= 2 and not pec)
        learned = pec or (zne and resilience.zne.amplifier == "pea")
        return {
            "resilience.measure_mitigation": measure,
            "resilience.zne_mitigation": zne,
            "resilience.pec_mitigation": pec,
            "twirling.enable_gates": learned or _decided(twirling.enable_gates, level >= 2),
            "twirling.enable_measure": learned or measure or _decided(twirling.enable_measure, level >= 1),
        }

    def _rows(self, prefix: str, level: int | None) -> Iterator[tuple[str, str]]:
        switches = self.switches()
        for name, shown in super()._rows(prefix, level):
            yield name, f"{switches[name]} (default)" if name in switches and "default" in shown else shown

    def _params(self) -> dict[str, Any]:
        if self.resilience_level is Unset or self.resilience_level is None:
            return {}
        return {"resilience_level": self.resilience_level}


@option_group()
class ExecutorOptions(JobOptions):
    """Options of ``Executor``.

    Attributes:
        max_execution_time: Limit of QPU time in seconds, at least 1; the service's plan limit by default.
        environment: Log level, tags, privacy, image.
        execution: How shots are executed, and whether schedules come back.
        experimental: Dict, sent as it is; ``image`` is lifted to the request.
        simulator: The seed, ``noise_model`` and ``layer_noise_model`` are honoured by servers of this package; devices
            have none.
    """

    _former: ClassVar[Mapping[str, str]] = {
        "shots": "set QuantumProgram.shots",
        "default_shots": "set QuantumProgram.shots",
        "twirling": "build a samplex of the circuit and append it with append_samplex_item",
        "resilience": "it is one of EstimatorV2; sampled bits are not mitigated",
    }

    execution: ExecutionOptionsV2 = nested(ExecutionOptionsV2)

    def to_wire(self, *, seeded: bool = False) -> WireOptions:
        """Return what these options put into a request (rest-api.md 4.7).

        What is set of ``simulator`` is sent only if ``seeded``: servers of this package alone have a place for it.
        """
        self.check()
        experimental, image = self._experimental()
        simulator = self.simulator.sent() if seeded else {}
        if simulator:
            experimental = merged(experimental, {"simulator": simulator})
        options = self.execution.sent()
        return WireOptions(
            {**options, "experimental": experimental} if experimental else options, self._envelope(image)
        )


def _decided(chosen: object, otherwise: bool) -> bool:
    return chosen if isinstance(chosen, bool) else otherwise


_O = TypeVar("_O", bound=RequestOptions)


def read_options(cls: type[_O], options: Any) -> _O:
    """Return options of class ``cls`` from an object of it, a dict, or None; never the same object.

    Raises:
        TypeError: If it is something else.
        IBMInputValueError: If the dict holds an unknown name or a bad value.
    """
    if options is None:
        return cls()
    if isinstance(options, cls):
        return options.replica()
    if isinstance(options, Mapping):
        made = cls()
        made.update(**{str(name): value for name, value in options.items()})
        return made
    raise TypeError(
        f"options must be an object of class {cls.__name__}, a dict or None, not {type(options).__module__}."
        f"{type(options).__qualname__}."
    )


def final_sampler_options(options: SamplerOptions) -> SamplerOptions:
    """Return a copy in which both switches of twirling are True or False."""
    final = options.replica()
    final.twirling.enable_gates = bool(final.twirling.enable_gates)
    final.twirling.enable_measure = bool(final.twirling.enable_measure)
    return final


def final_estimator_options(options: EstimatorOptions) -> EstimatorOptions:
    """Return a copy in which the switches of twirling and mitigation are True or False, by the resilience level.

    Mitigation that needs twirling turns it on, with a warning where it was turned off by name.
    """
    final, switches = options.replica(), options.switches()
    final.resilience_level = level if isinstance(level := final.resilience_level, int) else 1
    for switch in ("enable_gates", "enable_measure"):
        if getattr(final.twirling, switch) is False and switches[f"twirling.{switch}"]:
            warnings.warn(
                f"twirling.{switch} = False has no effect: the mitigation that is asked for needs it.",
                UserWarning,
                stacklevel=3,  # the caller of finalize_options()
            )
    for path, value in switches.items():
        group, _, name = path.partition(".")
        setattr(getattr(final, group), name, value)
    return final
