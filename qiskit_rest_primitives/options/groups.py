"""The groups of options below ``SamplerOptions`` and ``EstimatorOptions``: names, types, allowed values.

Fields that only the newer family knows (``twirling.group`` and so on) are sent under their own names when
they ask for something else than the service does anyway.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from ..exceptions import IBMInputValueError
from .base import OptionGroup, nested, option, option_group
from .rules import ByLevel, Rule, Unset, UnsetType, boolean, choice, image, instance, integer, items, number

MOST_SHOTS = 10**18
_AUTO = choice("auto")
_TEXT = instance(str, allowed="a string")
MAX_TAGS = 8
MAX_TAG_LENGTH = 86


def _read_tags(value: Any) -> list[str]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise TypeError
    tags = list(value)
    if not all(isinstance(tag, str) for tag in tags):
        raise TypeError
    if len(tags) > MAX_TAGS:
        raise ValueError(f"there are {len(tags)}")
    long = [tag for tag in tags if len(tag) > MAX_TAG_LENGTH]
    if long:
        raise ValueError(f"{long[0][:20]!r}... has {len(long[0])} characters")
    return tags


_TAGS = Rule(_read_tags, f"a list of at most {MAX_TAGS} strings of at most {MAX_TAG_LENGTH} characters each")


@option_group("environment")
class EnvironmentOptions(OptionGroup):
    """Where and how the job runs; these become fields of the request, not of its ``options``.

    Attributes:
        log_level: DEBUG, INFO, WARNING, ERROR or CRITICAL, in any case; default WARNING.
        job_tags: At most 8 tags of at most 86 characters (rest-api.md 1.7); default None.
        private: Whether inputs are withheld and results can be read only once; default False.
        image: Runtime image, ``name:tag``; default: the service's.
        max_execution_time: As the option of that name at the top, which wins.
    """

    log_level: str = option(
        choice("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL", ignore_case=True), default="WARNING"
    )
    job_tags: list[str] | None = option(_TAGS, default=None)
    private: bool | None = option(boolean(), default=False)
    image: str | UnsetType | None = option(image(), service="<the image of the service>")
    max_execution_time: int | UnsetType | None = option(integer(1), service="<the limit of the plan>")


def _read_noise_model(value: Any) -> Any:
    if isinstance(value, dict):
        return value
    if any(
        kind.__name__ == "NoiseModel" and kind.__module__.startswith("qiskit_aer.")
        for kind in type(value).__mro__
    ):
        from ..wire.noise_errors import check_model

        check_model(value)
        return value
    raise TypeError


def _is_a(value: Any, name: str) -> bool:
    """Tell whether a value is of a class of this name; what was learned may be of the official client's classes."""
    return any(kind.__name__ == name for kind in type(value).__mro__)


_LAYERS = items(Rule(lambda layer: layer, ""), "layers")


def _read_learned(value: Any) -> Any:
    if _is_a(value, "NoiseLearnerResult"):
        return value
    layers = _LAYERS.read(value)
    if all(_is_a(layer, "LayerError") for layer in layers):
        return layers
    return _read_layer_noise(layers)


def _read_layer_noise(value: Any) -> Any:
    layers = _LAYERS.read(value)
    for layer in layers:
        instruction, noise = layer
        if not (_is_a(instruction, "CircuitInstruction") and _is_a(noise, "PauliLindbladMap")):
            raise TypeError
        if not _is_a(instruction.operation, "BoxOp"):
            raise ValueError(f"a {instruction.operation.name!r} is no box")
        if len(instruction.qubits) != noise.num_qubits:
            raise ValueError(f"noise on {noise.num_qubits} qubits for a box on {len(instruction.qubits)}")
    return [tuple(layer) for layer in layers]


def _read_coupling(value: Any) -> Any:
    if hasattr(value, "get_edges"):
        return value
    edges = items(items(integer(0), "qubits"), "pairs").read(value)
    if any(len(edge) != 2 for edge in edges):
        raise ValueError("every entry is a pair of qubits")
    return edges


@option_group("simulator")
class SimulatorOptions(OptionGroup):
    """What a simulator does instead of a device.

    Attributes:
        noise_model: A ``qiskit_aer.noise.NoiseModel`` or its dict; None for no noise.
        seed_simulator: Seed of the sampling, at least 0; 0 is a seed like any other.
        coupling_map: List of directed qubit pairs, or a ``CouplingMap``.
        basis_gates: Names of the basis gates.
        layer_noise_model: Noise of the layers of a circuit, as pairs of a box, as ``find_unique_layers`` returns them,
            and a ``PauliLindbladMap``; taken by servers of this package.
        angle_decimals, warn_absent: Of the newer option family.
    """

    noise_model: Any = option(
        Rule(_read_noise_model, "a dict or a qiskit_aer.noise.NoiseModel"),
        service="<that of the backend, none on ideal simulators>",
    )
    seed_simulator: int | UnsetType | None = option(integer(0), service="<another one for each job>")
    coupling_map: Any = option(
        Rule(_read_coupling, "a list of pairs of qubits or a CouplingMap"), service="<that of the backend>"
    )
    basis_gates: list[str] | UnsetType | None = option(
        items(_TEXT, "gate names"), service="<those of the backend>"
    )
    angle_decimals: int | UnsetType | None = option(integer(0), unsent=5, service=5)
    layer_noise_model: Any = option(
        Rule(_read_layer_noise, "a list of pairs of a CircuitInstruction and a PauliLindbladMap"),
        service="<none>",
    )
    warn_absent: bool | UnsetType | None = option(boolean(), unsent=True, service=True)

    def set_backend(self, backend: Any) -> None:
        """Imitate a backend: its noise, coupling map and gates.

        Args:
            backend: A Qiskit ``BackendV2``.

        Raises:
            MissingOptionalLibraryError: If qiskit-aer is not installed.
        """
        from qiskit.utils import optionals

        optionals.HAS_AER.require_now("simulator.set_backend")
        from qiskit_aer.noise import NoiseModel

        self.noise_model = NoiseModel.from_backend(backend)
        self.coupling_map = backend.coupling_map
        self.basis_gates = list(backend.operation_names)

    def sent(self) -> dict[str, Any]:
        """Return what the request must carry, the coupling map as a list of pairs."""
        found = super().sent()
        coupling: Any = found.get("coupling_map", ())
        if hasattr(coupling, "get_edges"):
            found["coupling_map"] = [list(edge) for edge in coupling.get_edges()]
        return found


@option_group("dynamical_decoupling")
class DynamicalDecouplingOptions(OptionGroup):
    """Pulses that protect idle qubits.

    Attributes:
        enable: Whether to insert them; service default False.
        sequence_type: XX, XpXm or XY4; service default XX.
        extra_slack_distribution: middle or edges; service default middle.
        scheduling_method: alap or asap; service default alap.
        skip_reset_qubits: Leave qubits alone until their first gate; service default False.
    """

    enable: bool | UnsetType | None = option(boolean(), service=False)
    sequence_type: str | UnsetType | None = option(choice("XX", "XpXm", "XY4"), service="XX")
    extra_slack_distribution: str | UnsetType | None = option(choice("middle", "edges"), service="middle")
    scheduling_method: str | UnsetType | None = option(choice("alap", "asap"), service="alap")
    skip_reset_qubits: bool | UnsetType | None = option(boolean(), service=False)


@option_group("twirling")
class TwirlingOptions(OptionGroup):
    """Randomised compiling of two-qubit gates and measurements.

    Attributes:
        enable_gates: Twirl two-qubit Clifford gates; service default False (estimator level 2: True).
        enable_measure: Twirl measurements; service default False (estimator levels 1 and 2: True).
        num_randomizations: At least 1, or "auto" (service default): shots / shots_per_randomization.
        shots_per_randomization: At least 1, or "auto" (service default).
        strategy: active, active-accum (service default), active-circuit or all.
        group: pauli (what the service does), balanced_pauli, local_c1 or local_pauli.
    """

    enable_gates: bool | UnsetType | None = option(boolean(), service=ByLevel((False, False, True)))
    enable_measure: bool | UnsetType | None = option(boolean(), service=ByLevel((False, True, True)))
    num_randomizations: int | str | UnsetType | None = option(integer(1, MOST_SHOTS) | _AUTO, service="auto")
    shots_per_randomization: int | str | UnsetType | None = option(
        integer(1, MOST_SHOTS) | _AUTO, service="auto"
    )
    strategy: str | UnsetType | None = option(
        choice("active", "active-accum", "active-circuit", "all"), service="active-accum"
    )
    group: str | UnsetType | None = option(
        choice("pauli", "balanced_pauli", "local_c1", "local_pauli"), unsent="pauli", service="pauli"
    )


@option_group("execution")
class ExecutionOptionsV2(OptionGroup):
    """How shots are executed.

    Attributes:
        init_qubits: Reset all qubits before each shot; service default True.
        rep_delay: Delay between shots in seconds; service default ``backend.default_rep_delay``.
        scheduler_timing: Return the schedule of the circuits; service default False.
        stretch_values: Return the values of stretches; service default False.
    """

    _former: ClassVar[Mapping[str, str]] = {
        "shots": "set default_shots at the top of the options, or give run() or a PUB its own"
    }

    init_qubits: bool | UnsetType | None = option(boolean(), service=True)
    rep_delay: float | UnsetType | None = option(
        number(minimum=0), service="<default_rep_delay of the backend>"
    )
    scheduler_timing: bool | UnsetType | None = option(boolean(), unsent=False, service=False)
    stretch_values: bool | UnsetType | None = option(boolean(), unsent=False, service=False)


@option_group("execution")
class SamplerExecutionOptionsV2(ExecutionOptionsV2):
    """How shots are executed and measured.

    Attributes:
        meas_type: classified (bits, service default), kerneled or avg_kerneled (complex numbers).
    """

    meas_type: str | UnsetType | None = option(
        choice("classified", "kerneled", "avg_kerneled"), service="classified"
    )


@option_group("resilience.measure_noise_learning")
class MeasureNoiseLearningOptions(OptionGroup):
    """How measurement noise is learned.

    Attributes:
        num_randomizations: Random circuits, at least 1; service default 32.
        shots_per_randomization: At least 1, or "auto" (service default).
    """

    num_randomizations: int | str | UnsetType | None = option(integer(1) | _AUTO, unsent="auto", service=32)
    shots_per_randomization: int | str | UnsetType | None = option(integer(1) | _AUTO, service="auto")


_DEGREES = {f"polynomial_degree_{degree}": degree + 1 for degree in range(1, 8)}
FACTORS_NEEDED = {"linear": 2, "exponential": 2, "double_exponential": 4, **_DEGREES, "fallback": 2}
"""Extrapolator -> how many noise factors it needs (rest-api.md 4.3)."""
_EXTRAPOLATOR = choice(*FACTORS_NEEDED)


@option_group("resilience.zne")
class ZneOptions(OptionGroup):
    """Zero-noise extrapolation.

    Attributes:
        amplifier: gate_folding (service default), gate_folding_front, gate_folding_back or pea.
        noise_factors: Numbers of at least 1; service default (1, 3, 5), also by "auto".
        extrapolator: One or more of linear, exponential, double_exponential, polynomial_degree_1 to _7,
            fallback; service default exponential, linear. Each needs enough noise factors.
        extrapolated_noise_factors: Where to evaluate the fits; service default 0
            and the noise factors, also by "auto".
    """

    amplifier: str | UnsetType | None = option(
        choice("gate_folding", "gate_folding_front", "gate_folding_back", "pea"), service="gate_folding"
    )
    noise_factors: list[float] | str | UnsetType | None = option(
        items(number(minimum=1), "numbers of at least 1", least=1, tuples=True) | _AUTO,
        unsent="auto",
        service=(1, 3, 5),
    )
    extrapolator: str | list[str] | UnsetType | None = option(
        _EXTRAPOLATOR | items(_EXTRAPOLATOR, "these", least=1), service=("exponential", "linear")
    )
    extrapolated_noise_factors: list[float] | str | UnsetType | None = option(
        items(number(), "numbers", tuples=True) | _AUTO, service="<0 and the noise factors>"
    )

    def _check(self) -> None:
        factors = self.__dict__.get("noise_factors") or Unset
        chosen = self.__dict__.get("extrapolator") or ["exponential", "linear"]
        if factors == "auto" and self.__dict__.get("amplifier") == "pea":
            return  # the newer family chooses other factors then
        count = len(factors) if isinstance(factors, (list, tuple)) else 3
        for name in [chosen] if isinstance(chosen, str) else chosen:
            if count < FACTORS_NEEDED[name]:
                raise IBMInputValueError(
                    f"Extrapolator {name!r} needs at least {FACTORS_NEEDED[name]} noise factors, but "
                    f"there are {count}: set resilience.zne.noise_factors and "
                    "resilience.zne.extrapolator together, with update() or as a dict."
                )


@option_group("resilience.pec")
class PecOptions(OptionGroup):
    """Probabilistic error cancellation.

    Attributes:
        max_overhead: Largest sampling overhead, greater than 0; None for no limit; service default 100.
        noise_gain: At least 0, or "auto" (service default).
    """

    max_overhead: float | UnsetType | None = option(number(above=0), null=True, service=100)
    noise_gain: float | str | UnsetType | None = option(number(minimum=0) | _AUTO, service="auto")


@option_group()
class LayerLearning(OptionGroup):
    """How long layers are measured whose noise is learned, for the estimator and for the noise learner.

    Attributes:
        max_layers_to_learn: At least 0; None for all; service default 4.
        shots_per_randomization: At least 1; service default 128.
        num_randomizations: At least 1; service default 32.
        layer_pair_depths: Integers of at least 0; service default (0, 1, 2, 4, 16, 32).
    """

    max_layers_to_learn: int | UnsetType | None = option(integer(0), null=True, service=4)
    shots_per_randomization: int | UnsetType | None = option(integer(1), service=128)
    num_randomizations: int | UnsetType | None = option(integer(1), service=32)
    layer_pair_depths: list[int] | UnsetType | None = option(
        items(integer(0), "integers of at least 0", least=1), service=(0, 1, 2, 4, 16, 32)
    )


@option_group("resilience.layer_noise_learning")
class LayerNoiseLearningOptions(LayerLearning):
    """How the noise of entangling layers is learned.

    Attributes:
        max_layers_to_learn: At least 0; None for all; service default 4.
        shots_per_randomization: At least 1; service default 128.
        num_randomizations: At least 1; service default 32.
        layer_pair_depths: Integers of at least 0; service default (0, 1, 2, 4, 16, 32).
    """


@option_group("resilience")
class ResilienceOptionsV2(OptionGroup):
    """Error mitigation of the estimator.

    Attributes:
        measure_mitigation: Mitigate readout errors; service default False, True, True by level 0, 1, 2.
        measure_noise_learning: How; only when ``measure_mitigation`` is True.
        zne_mitigation: Zero-noise extrapolation; service default False, False, True by level.
        zne: How.
        pec_mitigation: Probabilistic error cancellation; not together with ``zne_mitigation``.
        pec: How.
        layer_noise_learning: How the noise is learned that pec and pea need.
        layer_noise_model: What a noise learner found, to be used instead: of version 2 its result; of version 3
            ``zip(layers, results.to_pauli_lindblad_maps())``; default None.
    """

    measure_mitigation: bool | UnsetType | None = option(boolean(), service=ByLevel((False, True, True)))
    measure_noise_learning: MeasureNoiseLearningOptions = nested(MeasureNoiseLearningOptions)
    zne_mitigation: bool | UnsetType | None = option(boolean(), service=ByLevel((False, False, True)))
    zne: ZneOptions = nested(ZneOptions)
    pec_mitigation: bool | UnsetType | None = option(boolean(), service=False)
    pec: PecOptions = nested(PecOptions)
    layer_noise_learning: LayerNoiseLearningOptions = nested(LayerNoiseLearningOptions)
    layer_noise_model: Any = option(
        Rule(
            _read_learned,
            "a NoiseLearnerResult, a list of LayerError, or pairs of a CircuitInstruction and a PauliLindbladMap",
        ),
        service="<learned where it is needed>",
    )

    def _check(self) -> None:
        if not self.measure_mitigation and self.measure_noise_learning.sent():
            raise IBMInputValueError(
                "resilience.measure_noise_learning is set, which has an effect only together with "
                "resilience.measure_mitigation = True; set that first, or both with update()."
            )
        if self.pec_mitigation and self.zne_mitigation:
            raise IBMInputValueError(
                "resilience.pec_mitigation and resilience.zne_mitigation cannot both be True; "
                "set one of them to False."
            )
