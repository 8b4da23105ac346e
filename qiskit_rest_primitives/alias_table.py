"""Which modules and names of ``qiskit_ibm_runtime`` are which of this package.

What lives here: the table, and what to do instead of names that are not there. What does not: making imports obey
it (``compat``).
"""

from __future__ import annotations

from .alias_files import with_files

__all__ = ["BORROWED", "FORMER", "MISSING", "MODULES", "REFERENCE_VERSION"]

REFERENCE_VERSION = "0.51.0"
"""The version of the official client whose surface this is; what ``__version__`` says under the alias."""

_ERRORS = {
    name: f"errors.{name}"
    for name in (
        "IBMAccountError",
        "IBMApiError",
        "IBMBackendApiError",
        "IBMBackendApiProtocolError",
        "IBMBackendError",
        "IBMBackendValueError",
        "IBMError",
        "IBMInputValueError",
        "IBMNotAuthorizedError",
        "IBMRuntimeError",
        "RuntimeInvalidStateError",
        "RuntimeJobFailureError",
        "RuntimeJobMaxTimeoutError",
        "RuntimeJobNotFound",
        "RuntimeJobTimeoutError",
        "RuntimeProgramNotFound",
    )
}
_CODEC = {"RuntimeDecoder": "wire.typed.RuntimeDecoder", "RuntimeEncoder": "wire.typed.RuntimeEncoder"}
_LEARNED = {name: f"wire.noise.{name}" for name in ("LayerError", "NoiseLearnerResult", "PauliLindbladError")}
_PUB_RESULT = {"EstimatorPubResult": "wire.estimator_pub_result.EstimatorPubResult"}
_GROUPS = {
    name: f"option_groups.{name}"
    for name in (
        "DynamicalDecouplingOptions",
        "EnvironmentOptions",
        "ExecutionOptionsV2",
        "LayerNoiseLearningOptions",
        "MeasureNoiseLearningOptions",
        "PecOptions",
        "ResilienceOptionsV2",
        "SamplerExecutionOptionsV2",
        "SimulatorOptions",
        "TwirlingOptions",
        "ZneOptions",
    )
}
_OPTIONS = {name: f"options.{name}" for name in ("EstimatorOptions", "OptionsV2", "SamplerOptions")}
_EXECUTOR = {"Executor": "executor.Executor"}
_PROGRAM = {"QuantumProgram": "quantum_program.QuantumProgram"}
_ITEMS = {name: f"quantum_program.{name}" for name in ("CircuitItem", "QuantumProgramItem", "SamplexItem")}
_PROGRAM_RESULT = {
    name: f"wire.program_result.{name}"
    for name in (
        "ChunkPart",
        "ChunkSpan",
        "ChunkTiming",
        "ItemMetadata",
        "Metadata",
        "QuantumProgramItemResult",
        "QuantumProgramResult",
        "SchedulerTiming",
        "StretchValues",
    )
}
_LEARNER = dict.fromkeys(("NoiseLearner", "NoiseLearnerV2"), "noise_learner.NoiseLearner")
_LEARNER_OPTIONS = {"NoiseLearnerOptions": "learning_options.NoiseLearnerOptions"}
_LEARNER_V3 = {"NoiseLearnerV3": "noise_learner_v3.NoiseLearnerV3"}
_CALIBRATOR = {"Calibrator": "calibrator.Calibrator"}
_LEARNED_V3 = {
    name: f"wire.learned_noise.{name}" for name in ("NoiseLearnerV3Result", "NoiseLearnerV3Results")
}
_CALIBRATED = {"CalibratorResult": "wire.calibrator.CalibratorResult"}
_LEARNING = {
    name: f"learning_options.{name}"
    for name in (
        "BitFlipChecksOptions",
        "CalibratorOptions",
        "NoiseLearnerV3Options",
        "PostCircuitBitFlipChecksOptions",
        "PreCircuitBitFlipChecksOptions",
    )
}
_LOGGING = {name: f"log_settings.{name}" for name in ("logger", "setup_logger")}
_UNSET = {name: f"option_rules.{name}" for name in ("Unset", "UnsetType")}
_SAMPLER = {"Sampler": "sampler.SamplerV2", "SamplerV2": "sampler.SamplerV2"}
_NEWER_SAMPLER = dict.fromkeys(_SAMPLER, "sampler.ExecutorSampler")
_ESTIMATOR = {"Estimator": "estimator.EstimatorV2", "EstimatorV2": "estimator.EstimatorV2"}
_SERVICE = dict.fromkeys(("QiskitRuntimeService", "IBMQuantumComputeService"), "service.QiskitRuntimeService")
_SPANS = {
    name: f"wire.spans.{name}"
    for name in (
        "DoubleSliceSpan",
        "ExecutionSpan",
        "ExecutionSpans",
        "ShapeType",
        "SliceSpan",
        "TwirledSliceSpan",
        "TwirledSliceSpanV2",
    )
}
_FIGURES = {name: f"wire.span_figure.{name}" for name in ("draw_chunk_timings", "draw_execution_spans")}
_NOISE_FIGURES = {
    name: f"wire.noise_figure.{name}" for name in ("draw_layer_error_map", "draw_layer_errors_swarm")
}
_ZNE = {name: f"wire.zne_figure.{name}" for name in ("draw_zne_evs", "draw_zne_extrapolators")}
_NEAT = {name: f"neat.{name}" for name in ("Neat", "NeatPubResult", "NeatResult")}
_INSTRUCTIONS = {
    name: f"circuit_library.{name}"
    for name in ("MeasureReset", "MidCircuitMeasure", "MidCircuitReset", "XSlowGate")
}
_PASSES = {
    name: f"passes.{name}"
    for name in (
        "ConvertISAToClifford",
        "ConvertIdToDelay",
        "ConvertToMidCircuitMeasure",
        "ConvertToMidCircuitResetAndMeasure",
        "FoldRzzAngle",
    )
}
_RENAMED = {
    "ExecutionOptions": "option_groups.ExecutionOptionsV2",
    "ResilienceOptions": "option_groups.ResilienceOptionsV2",
    "SamplerExecutionOptions": "option_groups.SamplerExecutionOptionsV2",
}
_MODELS = {
    **{name: f"backend_entries.{name}" for name in ["GateConfig", "GateProperties", "Nduv", "UchannelLO"]},
    "BackendConfiguration": "backend_models.BackendConfiguration",
    "BackendProperties": "backend_models.BackendProperties",
    "BackendStatus": "backend_models.BackendStatus",
    "QasmBackendConfiguration": "backend_models.BackendConfiguration",
}
_ACCOUNTS = {
    name: f"rest.account.{name}"
    for name in ("Account", "AccountType", "ChannelType", "PlanType", "RegionType")
} | {
    name: f"errors.{name}"
    for name in (
        "AccountAlreadyExistsError",
        "AccountNotFoundError",
        "CloudResourceNameResolutionError",
        "InvalidAccountError",
    )
}
_MANAGER = {"AccountManager": "accounts.AccountManager"}
_PROXIES = {"ProxyConfiguration": "accounts.ProxyConfiguration"}

_PACKAGES: dict[str, dict[str, str]] = {
    "": {
        **_SERVICE,
        **_SAMPLER,
        **_ESTIMATOR,
        **_OPTIONS,
        **_CODEC,
        **_ERRORS,
        **_EXECUTOR,
        **_LOGGING,
        **_PROGRAM,
        **_LEARNER,
        **_LEARNER_OPTIONS,
        **_LEARNER_V3,
        **_CALIBRATOR,
        "NoiseLearnerV3Options": "learning_options.NoiseLearnerV3Options",
        "Batch": "session.Batch",
        "IBMBackend": "backend.IBMBackend",
        "JobError": "errors.JobError",
        "JobTimeoutError": "errors.JobTimeoutError",
        "ExecutorOptions": "options.ExecutorOptions",
        "Options": "options.OptionsV2",
        "QiskitError": "errors.QiskitError",
        "RuntimeJobV2": "job.RuntimeJobV2",
        "RuntimeOptions": "runtime_options.RuntimeOptions",
        "Session": "session.Session",
    },
    "accounts": {**_ACCOUNTS, **_MANAGER},
    "accounts.exceptions": {
        **{name: home for name, home in _ACCOUNTS.items() if home.startswith("errors.")},
        "AccountsError": "errors.AccountsError",
        "IBMAccountError": "errors.IBMAccountError",
    },
    "api": {},
    "api.exceptions": {
        name: f"errors.{name}"
        for name in (
            "ApiError",
            "ApiIBMProtocolError",
            "AuthenticationLicenseError",
            "IBMError",
            "RequestsApiError",
            "UserTimeoutExceededError",
        )
    },
    "base_primitive": {"BasePrimitiveV2": "primitive.Primitive"},
    "batch": {"Batch": "session.Batch"},
    "calibrator": _CALIBRATOR,
    "circuit": _INSTRUCTIONS,
    "circuit.library": _INSTRUCTIONS,
    "debug_tools": _NEAT,
    "decoders": {},
    "decoders.defaults": {"DEFAULT_DECODERS": "decoders.DEFAULT_DECODERS"},
    "decoders.result_decoder": {
        "ResultDecoder": "decoders.ResultDecoder",
        "RuntimeDecoder": "wire.typed.RuntimeDecoder",
    },
    "estimator": _ESTIMATOR,
    "exceptions": _ERRORS,
    "execution_span": _SPANS,
    "executor": _EXECUTOR,
    "executor.executor": _EXECUTOR,
    "executor_estimator": _ESTIMATOR,
    "executor_noise_learner": _LEARNER_V3,
    "executor_sampler": _NEWER_SAMPLER,
    "ibm_backend": {"Backend": "qiskit.providers.backend.BackendV2", "IBMBackend": "backend.IBMBackend"},
    "json": _CODEC,
    "models": _MODELS,
    "models.exceptions": {
        name: f"backend_models.{name}" for name in ("BackendConfigurationError", "BackendPropertyError")
    },
    "noise_learner": {"NoiseLearner": _LEARNER["NoiseLearner"]},
    "noise_learner_v3": _LEARNER_V3,
    "options": {**_GROUPS, **_OPTIONS, **_LEARNER_OPTIONS},
    "options.utils": _UNSET,
    "options_models": {
        **{name: home for name, home in _GROUPS.items() if not name.endswith("V2")},
        **_RENAMED,
        **_LEARNING,
        "EstimatorOptions": "options.EstimatorOptions",
        "ExecutorOptions": "options.ExecutorOptions",
        "SamplerOptions": "options.SamplerOptions",
    },
    "options_models.executor": {"ExecutorOptions": "options.ExecutorOptions"},
    "qiskit_runtime_service": _SERVICE,
    "proxies": _PROXIES,
    "quantum_program": {**_PROGRAM, **_ITEMS},
    "quantum_program.quantum_program": {**_PROGRAM, **_ITEMS},
    "results": {**_LEARNED, **_LEARNED_V3, **_CALIBRATED, **_PUB_RESULT, **_PROGRAM_RESULT},
    "results.quantum_program": _PROGRAM_RESULT,
    "runtime_job_v2": {"RuntimeJobV2": "job.RuntimeJobV2"},
    "runtime_options": {"RuntimeOptions": "runtime_options.RuntimeOptions"},
    "sampler": _SAMPLER,
    "session": {"Session": "session.Session"},
    "transpiler": {},
    "transpiler.passes": _PASSES,
    "transpiler.passes.basis": {name: home for name, home in _PASSES.items() if "Clifford" not in name},
    "transpiler.passes.basis.fold_rzz_angle": {
        "FoldRzzAngle": "passes.FoldRzzAngle",
        "convert_to_rzz_valid_pub": "fractional.convert_to_rzz_valid_pub",
    },
    "transpiler.plugin": {
        "IBMDynamicFractionalTranslationPlugin": "translation.FractionalTranslationStage",
        "IBMDynamicTranslationPlugin": "translation.TranslationStage",
        "IBMTranslationPlugin": "translation.IdleTranslationStage",
    },
    "utils": {},
    "utils.estimator_pub_result": _PUB_RESULT,
    "utils.logging": {"setup_logger": _LOGGING["setup_logger"]},
    "utils.json": _CODEC,
    "utils.noise_learner_result": _LEARNED,
    "version": {},
    "visualization": {**_FIGURES, **_NOISE_FIGURES, **_ZNE},
    "visualization.embeddings": {"Embedding": "wire.embedding.Embedding"},
}

MODULES: dict[str, dict[str, str]] = with_files(_PACKAGES)
"""Module below ``qiskit_ibm_runtime`` -> name -> where it is: a path in this package, or in ``qiskit``."""

_AUTHORS = {
    "ProgramBackend": "program.ProgramBackend",
    "ResultDecoder": "program.ResultDecoder",
    "UserMessenger": "program.UserMessenger",
}
_RUNNER = {"RunnerResult": "runner_result.RunnerResult"}
_PROGRAMS = {
    "ParameterNamespace": "parameter_namespace.ParameterNamespace",
    "RuntimeProgram": "programs.RuntimeProgram",
}

FORMER: dict[str, dict[str, str]] = {
    "": {**_AUTHORS, **_PROGRAMS, **_RUNNER},
    "program": {**_AUTHORS, **_CODEC},
    "program.program_backend": {"ProgramBackend": "program.ProgramBackend"},
    "program.result_decoder": {"ResultDecoder": "program.ResultDecoder"},
    "program.user_messenger": {"UserMessenger": "program.UserMessenger"},
    "runtime_program": _PROGRAMS,
    "utils.runner_result": _RUNNER,
}
"""The same for what the official client had while it ran programs, until 2023 (rest-api.md 7.1)."""

_SCHEDULING = "use the passes of that name in qiskit.transpiler.passes, or install qiskit-ibm-runtime, whose own are taken then"

BORROWED: dict[str, str] = {
    "fake_provider": "use QiskitRuntimeService(channel='local').backend('local_heron') or GenericBackendV2, or install "
    "qiskit-ibm-runtime, whose snapshots of devices are taken then",
    "transpiler.passes.scheduling": _SCHEDULING,
}
"""Modules that are taken from the real package where that is installed -> what to do where it is not."""

_FROM_SCHEDULING = (
    f"import it from qiskit_ibm_runtime.transpiler.passes.scheduling; without it, {_SCHEDULING}"
)
_V1 = "the primitives of version 1 are gone: use SamplerV2 and EstimatorV2, see docs/migration.md"
_PULSES = "read the schedule of pulses, a text, from the metadata of the result"

MISSING: dict[str, str] = {
    "ASAPScheduleAnalysis": _FROM_SCHEDULING,
    "PadDelay": _FROM_SCHEDULING,
    "PadDynamicalDecoupling": _FROM_SCHEDULING,
    "draw_circuit_schedule_timing": _PULSES,
    # Names that the official client had before.
    "SamplerV1": _V1,
    "EstimatorV1": _V1,
    "RuntimeJob": "jobs of the V2 primitives are RuntimeJobV2",
    "TranspilationOptions": _V1,
    # Modules.
    "runtime_job": "jobs of the V2 primitives are in qiskit_ibm_runtime.runtime_job_v2",
    "utils.result_decoder": "import ResultDecoder from qiskit_ibm_runtime.decoders.result_decoder",
}
"""Names and modules that this package does not have -> what to do instead."""
