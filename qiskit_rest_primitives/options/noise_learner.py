"""The options of noise learners and of calibrators, and what they put into a request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from .base import OptionGroup, merged, nested, option, option_group
from .groups import ExecutionOptionsV2, LayerLearning, SimulatorOptions
from .primitives import EstimatorOptions, JobOptions, OptionsV2, RequestOptions, WireOptions, read_options
from .rules import UnsetType, boolean, choice, integer, items

_PULSE = choice("xslow", "rx")
_STRATEGY = choice("node", "edge")
_SENT = ("init_qubits", "rep_delay")
"""What the schema has of ``execution``."""
_LEARNING = ("shots_per_randomization", "num_randomizations", "layer_pair_depths", "bit_flip_checks")


@option_group()
class NoiseLearnerOptions(OptionsV2, LayerLearning):
    """Options of ``NoiseLearner``.

    Attributes:
        max_layers_to_learn: Most layers to learn, at least 0; None for all; service default 4.
        shots_per_randomization: Shots of each random circuit, at least 1; service default 128.
        num_randomizations: Random circuits for each basis and depth, at least 1; service default 32.
        layer_pair_depths: How often a layer is repeated, in pairs: integers of at least 0; service default
            (0, 1, 2, 4, 16, 32).
        twirling_strategy: Which qubits are twirled and learned with the gates of a layer: active, active-accum
            (service default), active-circuit or all.
        max_execution_time: Limit of QPU time in seconds, at least 1; the service's plan limit by default.
        environment: Log level, tags, privacy, image.
        simulator: Noise, seed, coupling.
        experimental: Dict; keys that are options are merged into them unchecked, ``image`` is lifted to the request.
        circuit_format: How circuits are written: "qasm3", "qpy", or "auto".
        support_qiskit: Sent along; the result has the typed form anyway.
    """

    _former: ClassVar[Mapping[str, str]] = {
        "resilience": "resilience.layer_noise_learning of the estimator is this class itself",
        "twirling": "set twirling_strategy",
    }

    twirling_strategy: str | UnsetType | None = option(
        choice("active", "active-accum", "active-circuit", "all")
    )

    def to_wire(self) -> WireOptions:
        """Return what these options put into a request; ``support_qiskit`` is one of them (rest-api.md 4.7)."""
        wire = super().to_wire()
        return replace(wire, options={**wire.options, "support_qiskit": self.support_qiskit})


def read_learner_options(options: Any) -> NoiseLearnerOptions:
    """Return options of a noise learner from an object, a dict, the options of an estimator, or None (``read_options``)."""
    if not isinstance(options, EstimatorOptions):
        return read_options(NoiseLearnerOptions, options)
    own = options.replica()
    shared = {name: getattr(own, name) for name in OptionsV2._entries}
    learning = {name: getattr(own.resilience.layer_noise_learning, name) for name in LayerLearning._entries}
    return NoiseLearnerOptions(**shared, **learning, twirling_strategy=own.twirling.strategy)


@option_group("bit_flip_checks.post_circuit")
class PostCircuitBitFlipChecksOptions(OptionGroup):
    """Whether the qubits still flip after a circuit; shots in which they do not are left out.

    Attributes:
        enable: Whether to check; service default False.
        x_pulse_type: How they are flipped, xslow (service default) or rx.
        strategy: Which shots are left out: node (service default), where any qubit failed; edge, where two neighbours
            did.
    """

    enable: bool | UnsetType | None = option(boolean(), service=False)
    x_pulse_type: str | UnsetType | None = option(_PULSE, service="xslow")
    strategy: str | UnsetType | None = option(_STRATEGY, service="node")


@option_group("bit_flip_checks.pre_circuit")
class PreCircuitBitFlipChecksOptions(OptionGroup):
    """The same before a circuit.

    Attributes:
        enable: Whether to check; service default False.
        x_pulse_type: How they are flipped, xslow (service default) or rx.
        strategy: Which shots are left out: node (service default) or edge.
    """

    enable: bool | UnsetType | None = option(boolean(), service=False)
    x_pulse_type: str | UnsetType | None = option(_PULSE, service="xslow")
    strategy: str | UnsetType | None = option(_STRATEGY, service="node")


@option_group("bit_flip_checks")
class BitFlipChecksOptions(OptionGroup):
    """Checks that qubits still flip, around the circuits that learn.

    Attributes:
        pre_circuit: Before.
        post_circuit: After.
    """

    pre_circuit: PreCircuitBitFlipChecksOptions = nested(PreCircuitBitFlipChecksOptions)
    post_circuit: PostCircuitBitFlipChecksOptions = nested(PostCircuitBitFlipChecksOptions)


@option_group()
class NoiseLearnerV3Options(JobOptions):
    """Options of ``NoiseLearnerV3``.

    Attributes:
        shots_per_randomization: Shots of each random circuit, at least 1; service default 128.
        num_randomizations: Random circuits for each basis and depth, at least 1; service default 32.
        layer_pair_depths: How often a layer of gates is repeated, in pairs: integers of at least 0; service default
            [0, 1, 2, 4, 16, 32]. Measurements are not repeated.
        bit_flip_checks: Which shots to leave out.
        execution: How shots are executed; of these, ``init_qubits`` and ``rep_delay`` are sent.
        environment: Log level, tags, privacy, image.
        simulator: The seed and ``noise_model`` are honoured by servers of this package; devices have none.
        experimental: Dict; ``image`` is lifted to the request, the rest has no place in the schema and is sent to servers
            of this package only.
        max_execution_time: Limit of QPU time in seconds, at least 1; the service's plan limit by default.
    """

    _former: ClassVar[Mapping[str, str]] = {
        "post_selection": "set bit_flip_checks.post_circuit",
        "max_layers_to_learn": "every instruction that is given is learned",
        "twirling_strategy": "the boxes that are given say what is twirled",
    }

    shots_per_randomization: int | UnsetType | None = option(integer(1), service=128)
    num_randomizations: int | UnsetType | None = option(integer(1), service=32)
    layer_pair_depths: list[int] | UnsetType | None = option(
        items(integer(0), "integers of at least 0"), service=(0, 1, 2, 4, 16, 32)
    )
    bit_flip_checks: BitFlipChecksOptions = nested(BitFlipChecksOptions)
    simulator: SimulatorOptions = nested(SimulatorOptions, sent=False)
    execution: ExecutionOptionsV2 = nested(ExecutionOptionsV2, sent=False)

    def to_wire(self, *, seeded: bool = False) -> WireOptions:
        """Return what these options put into a request (rest-api.md 4.7).

        What is set of ``simulator`` is sent only if ``seeded``: servers of this package alone have a place for it.
        """
        self.check()
        experimental, image = self._experimental()
        execution = self.execution.sent()
        options = merged(self.sent(), {name: execution[name] for name in _SENT if name in execution})
        if seeded and (simulator := self.simulator.sent()):
            experimental = merged(experimental, {"simulator": simulator})
        if seeded and experimental:
            options["experimental"] = experimental
        return WireOptions(options, self._envelope(image))

    @classmethod
    def filled(cls, options: Mapping[str, Any]) -> dict[str, Any]:
        """Return the options of a job as schema v0.3 has them: all, those that are missing or null by their defaults."""
        learning = _defaults(cls)
        return _filled(
            options,
            {
                **{name: learning[name] for name in _LEARNING},
                "post_selection": _defaults(PostCircuitBitFlipChecksOptions),
                "init_qubits": ExecutionOptionsV2._entries["init_qubits"].service,
                "rep_delay": None,
            },
        )

    @classmethod
    def of_wire(cls, options: Mapping[str, Any]) -> NoiseLearnerV3Options:
        """Return the options that a job was sent with, as far as the schema has a place for them.

        Raises:
            IBMInputValueError: They make no sense.
        """
        chosen = {name: options[name] for name in _LEARNING if options.get(name) is not None}
        execution = {name: options[name] for name in _SENT if options.get(name) is not None}
        experimental = dict(options.get("experimental") or {})
        simulator = experimental.pop("simulator", None) or {}
        more = {"experimental": experimental} if experimental else {}
        return cls(**chosen, execution=execution, simulator=simulator, **more)


def _defaults(group: type[OptionGroup]) -> dict[str, Any]:
    """Return what the service does where nothing is set, as JSON has it."""
    found: dict[str, Any] = {}
    for name, entry in group._entries.items():
        value = entry.service if entry.group is None else _defaults(entry.group)
        found[name] = list(value) if isinstance(value, tuple) else value
    return found


def _filled(options: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, default in defaults.items():
        given = options.get(name)
        if isinstance(default, Mapping):
            found[name] = _filled(given if isinstance(given, Mapping) else {}, default)
        else:
            found[name] = default if given is None else given
    return found | {name: value for name, value in options.items() if name not in defaults}


@option_group()
class CalibratorOptions(RequestOptions):
    """Options of ``Calibrator``.

    Attributes:
        max_execution_time: Limit of QPU time in seconds, at least 1; the service's plan limit by default.
        environment: Log level, tags, privacy, image.
        experimental: Dict, sent as it is; ``image`` is lifted to the request.
    """

    def to_wire(self) -> WireOptions:
        """Return what these options put into a request; ``options`` are the experimental ones (rest-api.md 4.7)."""
        self.check()
        experimental, image = self._experimental()
        return WireOptions(experimental, self._envelope(image))
