"""Which modules and names of ``qiskit_ibm_runtime`` are which of this package."""

from __future__ import annotations

from .files import with_files

__all__ = ["BORROWED", "FORMER", "MISSING", "MODULES", "REFERENCE_VERSION"]

REFERENCE_VERSION = "0.51.0"
"""The version of the official client whose surface this is; what ``__version__`` says under the alias."""

_ERRORS = {
    name: f"exceptions.{name}"
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
_LEARNED = {
    name: f"results.noise.{name}" for name in ("LayerError", "NoiseLearnerResult", "PauliLindbladError")
}
_PUB_RESULT = {"EstimatorPubResult": "results.estimator_pub_result.EstimatorPubResult"}
_GROUPS = {
    name: f"options.groups.{name}"
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
_OPTIONS = {
    name: f"options.primitives.{name}" for name in ("EstimatorOptions", "OptionsV2", "SamplerOptions")
}
_EXECUTOR = {"Executor": "executor.executor.Executor"}
_PROGRAM = {"QuantumProgram": "executor.quantum_program.QuantumProgram"}
_ITEMS = {
    name: f"executor.quantum_program.{name}" for name in ("CircuitItem", "QuantumProgramItem", "SamplexItem")
}
_PROGRAM_RESULT = {
    name: f"results.program_result.{name}"
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
_LEARNER = dict.fromkeys(("NoiseLearner", "NoiseLearnerV2"), "noise.noise_learner.NoiseLearner")
_LEARNER_OPTIONS = {"NoiseLearnerOptions": "options.noise_learner.NoiseLearnerOptions"}
_LEARNER_V3 = {"NoiseLearnerV3": "noise.noise_learner_v3.NoiseLearnerV3"}
_CALIBRATOR = {"Calibrator": "noise.calibrator.Calibrator"}
_LEARNED_V3 = {
    name: f"results.learned_noise.{name}" for name in ("NoiseLearnerV3Result", "NoiseLearnerV3Results")
}
_CALIBRATED = {"CalibratorResult": "results.calibrator.CalibratorResult"}
_LEARNING = {
    name: f"options.noise_learner.{name}"
    for name in (
        "BitFlipChecksOptions",
        "CalibratorOptions",
        "NoiseLearnerV3Options",
        "PostCircuitBitFlipChecksOptions",
        "PreCircuitBitFlipChecksOptions",
    )
}
_LOGGING = {name: f"service.logging.{name}" for name in ("logger", "setup_logger")}
_UNSET = {name: f"options.rules.{name}" for name in ("Unset", "UnsetType")}
_SAMPLER = {"Sampler": "primitives.sampler.SamplerV2", "SamplerV2": "primitives.sampler.SamplerV2"}
_NEWER_SAMPLER = dict.fromkeys(_SAMPLER, "primitives.sampler.ExecutorSampler")
_ESTIMATOR = {
    "Estimator": "primitives.estimator.EstimatorV2",
    "EstimatorV2": "primitives.estimator.EstimatorV2",
}
_SERVICE = dict.fromkeys(
    ("QiskitRuntimeService", "IBMQuantumComputeService"), "service.service.QiskitRuntimeService"
)
_SPANS = {
    name: f"results.execution_spans.{name}"
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
_FIGURES = {name: f"visualization.spans.{name}" for name in ("draw_chunk_timings", "draw_execution_spans")}
_NOISE_FIGURES = {
    name: f"visualization.noise.{name}" for name in ("draw_layer_error_map", "draw_layer_errors_swarm")
}
_ZNE = {name: f"visualization.zne.{name}" for name in ("draw_zne_evs", "draw_zne_extrapolators")}
_NEAT = {name: f"debug_tools.neat.{name}" for name in ("Neat", "NeatPubResult", "NeatResult")}
_INSTRUCTIONS = {
    name: f"circuit.library.{name}"
    for name in ("MeasureReset", "MidCircuitMeasure", "MidCircuitReset", "XSlowGate")
}
_PASSES = {
    name: f"transpiler.passes.{name}"
    for name in (
        "ConvertISAToClifford",
        "ConvertIdToDelay",
        "ConvertToMidCircuitMeasure",
        "ConvertToMidCircuitResetAndMeasure",
        "FoldRzzAngle",
    )
}
_RENAMED = {
    "ExecutionOptions": "options.groups.ExecutionOptionsV2",
    "ResilienceOptions": "options.groups.ResilienceOptionsV2",
    "SamplerExecutionOptions": "options.groups.SamplerExecutionOptionsV2",
}
_MODELS = {
    **{name: f"models.entries.{name}" for name in ["GateConfig", "GateProperties", "Nduv", "UchannelLO"]},
    "BackendConfiguration": "models.documents.BackendConfiguration",
    "BackendProperties": "models.documents.BackendProperties",
    "BackendStatus": "models.documents.BackendStatus",
    "QasmBackendConfiguration": "models.documents.BackendConfiguration",
}
_ACCOUNTS = {
    name: f"accounts.account.{name}"
    for name in ("Account", "AccountType", "ChannelType", "PlanType", "RegionType")
} | {
    name: f"exceptions.{name}"
    for name in (
        "AccountAlreadyExistsError",
        "AccountNotFoundError",
        "CloudResourceNameResolutionError",
        "InvalidAccountError",
    )
}
_MANAGER = {"AccountManager": "accounts.manager.AccountManager"}
_PROXIES = {"ProxyConfiguration": "accounts.manager.ProxyConfiguration"}

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
        "NoiseLearnerV3Options": "options.noise_learner.NoiseLearnerV3Options",
        "Batch": "session.Batch",
        "IBMBackend": "models.backend.IBMBackend",
        "JobError": "exceptions.JobError",
        "JobTimeoutError": "exceptions.JobTimeoutError",
        "ExecutorOptions": "options.primitives.ExecutorOptions",
        "Options": "options.primitives.OptionsV2",
        "QiskitError": "exceptions.QiskitError",
        "RuntimeJobV2": "jobs.job.RuntimeJobV2",
        "RuntimeOptions": "programs.runtime_options.RuntimeOptions",
        "Session": "session.Session",
    },
    "accounts": {**_ACCOUNTS, **_MANAGER},
    "accounts.exceptions": {
        **{name: home for name, home in _ACCOUNTS.items() if home.startswith("exceptions.")},
        "AccountsError": "exceptions.AccountsError",
        "IBMAccountError": "exceptions.IBMAccountError",
    },
    "api": {},
    "api.exceptions": {
        name: f"exceptions.{name}"
        for name in (
            "ApiError",
            "ApiIBMProtocolError",
            "AuthenticationLicenseError",
            "IBMError",
            "RequestsApiError",
            "UserTimeoutExceededError",
        )
    },
    "base_primitive": {"BasePrimitiveV2": "primitives.base.Primitive"},
    "batch": {"Batch": "session.Batch"},
    "calibrator": _CALIBRATOR,
    "circuit": _INSTRUCTIONS,
    "circuit.library": _INSTRUCTIONS,
    "debug_tools": _NEAT,
    "decoders": {},
    "decoders.defaults": {"DEFAULT_DECODERS": "jobs.decoders.DEFAULT_DECODERS"},
    "decoders.result_decoder": {
        "ResultDecoder": "jobs.decoders.ResultDecoder",
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
    "ibm_backend": {
        "Backend": "qiskit.providers.backend.BackendV2",
        "IBMBackend": "models.backend.IBMBackend",
    },
    "json": _CODEC,
    "models": _MODELS,
    "models.exceptions": {
        name: f"models.documents.{name}" for name in ("BackendConfigurationError", "BackendPropertyError")
    },
    "noise_learner": {"NoiseLearner": _LEARNER["NoiseLearner"]},
    "noise_learner_v3": _LEARNER_V3,
    "options": {**_GROUPS, **_OPTIONS, **_LEARNER_OPTIONS},
    "options.utils": _UNSET,
    "options_models": {
        **{name: home for name, home in _GROUPS.items() if not name.endswith("V2")},
        **_RENAMED,
        **_LEARNING,
        "EstimatorOptions": "options.primitives.EstimatorOptions",
        "ExecutorOptions": "options.primitives.ExecutorOptions",
        "SamplerOptions": "options.primitives.SamplerOptions",
    },
    "options_models.executor": {"ExecutorOptions": "options.primitives.ExecutorOptions"},
    "qiskit_runtime_service": _SERVICE,
    "proxies": _PROXIES,
    "quantum_program": {**_PROGRAM, **_ITEMS},
    "quantum_program.quantum_program": {**_PROGRAM, **_ITEMS},
    "results": {**_LEARNED, **_LEARNED_V3, **_CALIBRATED, **_PUB_RESULT, **_PROGRAM_RESULT},
    "results.quantum_program": _PROGRAM_RESULT,
    "runtime_job_v2": {"RuntimeJobV2": "jobs.job.RuntimeJobV2"},
    "runtime_options": {"RuntimeOptions": "programs.runtime_options.RuntimeOptions"},
    "sampler": _SAMPLER,
    "session": {"Session": "session.Session"},
    "transpiler": {},
    "transpiler.passes": _PASSES,
    "transpiler.passes.basis": {name: home for name, home in _PASSES.items() if "Clifford" not in name},
    "transpiler.passes.basis.fold_rzz_angle": {
        "FoldRzzAngle": "transpiler.passes.FoldRzzAngle",
        "convert_to_rzz_valid_pub": "transpiler.rzz.convert_to_rzz_valid_pub",
    },
    "transpiler.plugin": {
        "IBMDynamicFractionalTranslationPlugin": "transpiler.translation.FractionalTranslationStage",
        "IBMDynamicTranslationPlugin": "transpiler.translation.TranslationStage",
        "IBMTranslationPlugin": "transpiler.translation.IdleTranslationStage",
    },
    "utils": {},
    "utils.estimator_pub_result": _PUB_RESULT,
    "utils.logging": {"setup_logger": _LOGGING["setup_logger"]},
    "utils.json": _CODEC,
    "utils.noise_learner_result": _LEARNED,
    "version": {},
    "visualization": {**_FIGURES, **_NOISE_FIGURES, **_ZNE},
    "visualization.embeddings": {"Embedding": "visualization.embedding.Embedding"},
}

MODULES: dict[str, dict[str, str]] = with_files(_PACKAGES)
"""Module below ``qiskit_ibm_runtime`` -> name -> where it is: a path in this package, or in ``qiskit``."""

_AUTHORS = {
    "ProgramBackend": "programs.author.ProgramBackend",
    "ResultDecoder": "programs.author.ResultDecoder",
    "UserMessenger": "programs.author.UserMessenger",
}
_RUNNER = {"RunnerResult": "programs.runner_result.RunnerResult"}
_PROGRAMS = {
    "ParameterNamespace": "programs.parameter_namespace.ParameterNamespace",
    "RuntimeProgram": "programs.programs.RuntimeProgram",
}

FORMER: dict[str, dict[str, str]] = {
    "": {**_AUTHORS, **_PROGRAMS, **_RUNNER},
    "program": {**_AUTHORS, **_CODEC},
    "program.program_backend": {"ProgramBackend": "programs.author.ProgramBackend"},
    "program.result_decoder": {"ResultDecoder": "programs.author.ResultDecoder"},
    "program.user_messenger": {"UserMessenger": "programs.author.UserMessenger"},
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
