"""Which modules and names of ``qiskit_ibm_runtime`` are which of this package.

What lives here: the table, and what to do instead of names that are not there. What does not: making imports obey
it (``compat``).
"""

from __future__ import annotations

__all__ = ["FAKES", "MISSING", "MODULES", "REFERENCE_VERSION"]

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
_PUB_RESULT = {"EstimatorPubResult": "qiskit.primitives.PubResult"}
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
_UNSET = {name: f"option_rules.{name}" for name in ("Unset", "UnsetType")}
_SAMPLER = {"Sampler": "sampler.SamplerV2", "SamplerV2": "sampler.SamplerV2"}
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
_RENAMED = {
    "ExecutionOptions": "option_groups.ExecutionOptionsV2",
    "ResilienceOptions": "option_groups.ResilienceOptionsV2",
    "SamplerExecutionOptions": "option_groups.SamplerExecutionOptionsV2",
}
_MODELS = {
    "BackendConfiguration": "backend_models.BackendConfiguration",
    "BackendProperties": "backend_models.BackendProperties",
    "BackendStatus": "backend_models.BackendStatus",
    "QasmBackendConfiguration": "backend_models.BackendConfiguration",
}
_ACCOUNTS = {"Account": "rest.account.Account"} | {
    name: f"errors.{name}"
    for name in (
        "AccountAlreadyExistsError",
        "AccountNotFoundError",
        "CloudResourceNameResolutionError",
        "InvalidAccountError",
    )
}

MODULES: dict[str, dict[str, str]] = {
    "": {
        **_SERVICE,
        **_SAMPLER,
        **_ESTIMATOR,
        **_OPTIONS,
        **_CODEC,
        **_ERRORS,
        "Batch": "session.Batch",
        "IBMBackend": "backend.IBMBackend",
        "JobError": "errors.JobError",
        "JobTimeoutError": "errors.JobTimeoutError",
        "Options": "options.OptionsV2",
        "QiskitError": "errors.QiskitError",
        "RuntimeJobV2": "job.RuntimeJobV2",
        "Session": "session.Session",
    },
    "accounts": _ACCOUNTS,
    "accounts.exceptions": {
        **{name: home for name, home in _ACCOUNTS.items() if name != "Account"},
        "AccountsError": "errors.AccountsError",
        "IBMAccountError": "errors.IBMAccountError",
    },
    "api": {},
    "api.exceptions": {
        "ApiError": "errors.ApiError",
        "IBMError": "errors.IBMError",
        "RequestsApiError": "errors.RequestsApiError",
    },
    "batch": {"Batch": "session.Batch"},
    "decoders": {},
    "decoders.result_decoder": {
        "ResultDecoder": "decoders.ResultDecoder",
        "RuntimeDecoder": "wire.typed.RuntimeDecoder",
    },
    "estimator": _ESTIMATOR,
    "exceptions": _ERRORS,
    "execution_span": _SPANS,
    "executor_estimator": _ESTIMATOR,
    "executor_sampler": _SAMPLER,
    "ibm_backend": {"IBMBackend": "backend.IBMBackend"},
    "models": _MODELS,
    "models.exceptions": {"BackendPropertyError": "backend_models.BackendPropertyError"},
    "options": {**_GROUPS, **_OPTIONS},
    "options.utils": _UNSET,
    "options_models": {
        **{name: home for name, home in _GROUPS.items() if not name.endswith("V2")},
        **_RENAMED,
        "EstimatorOptions": "options.EstimatorOptions",
        "SamplerOptions": "options.SamplerOptions",
    },
    "qiskit_runtime_service": _SERVICE,
    "results": {**_LEARNED, **_PUB_RESULT},
    "runtime_job_v2": {"RuntimeJobV2": "job.RuntimeJobV2"},
    "sampler": _SAMPLER,
    "session": {"Session": "session.Session"},
    "utils": {},
    "utils.estimator_pub_result": _PUB_RESULT,
    "utils.json": _CODEC,
    "utils.noise_learner_result": _LEARNED,
}
"""Module below ``qiskit_ibm_runtime`` -> name -> where it is: a path in this package, or in ``qiskit``."""

FAKES = "fake_provider"
"""The module that is taken from the real package where that is installed."""

_DIRECTED = "use SamplerV2 or EstimatorV2, or the official client against the same server"
_LEARNER = (
    "set resilience.layer_noise_model of the estimator's options to what the official client learned, "
    "or let the estimator learn by itself"
)

MISSING: dict[str, str] = {
    "Calibrator": _DIRECTED,
    "CalibratorOptions": _DIRECTED,
    "Executor": _DIRECTED,
    "ExecutorOptions": _DIRECTED,
    "QuantumProgram": _DIRECTED,
    "QuantumProgramItemResult": _DIRECTED,
    "QuantumProgramResult": _DIRECTED,
    "NoiseLearner": _LEARNER,
    "NoiseLearnerOptions": _LEARNER,
    "NoiseLearnerV2": _LEARNER,
    "NoiseLearnerV3": _LEARNER,
    "NoiseLearnerV3Options": _LEARNER,
    "NoiseLearnerV3Result": _LEARNER,
    "NoiseLearnerV3Results": _LEARNER,
    "RuntimeOptions": "give SamplerV2 or EstimatorV2 options.environment and options.max_execution_time",
    "AccountManager": "use QiskitRuntimeService.save_account, saved_accounts and delete_account",
    "DEFAULT_DECODERS": "use ResultDecoder, which reads the results of every program",
    "logger": "use logging.getLogger('qiskit_rest_primitives')",
    "setup_logger": "configure logging.getLogger('qiskit_rest_primitives') with the logging module",
    # Modules.
    "calibrator": _DIRECTED,
    "circuit": "use the instructions of qiskit.circuit",
    "debug_tools": "compare results with qiskit_aer directly",
    "decoders.defaults": "use ResultDecoder, which reads the results of every program",
    "executor": _DIRECTED,
    "noise_learner": _LEARNER,
    "noise_learner_v3": _LEARNER,
    "proxies": "give QiskitRuntimeService(proxies={'urls': ...}) a dict",
    "quantum_program": _DIRECTED,
    "runtime_options": "give SamplerV2 or EstimatorV2 options.environment and options.max_execution_time",
    "transpiler": "use generate_preset_pass_manager(backend=...) of qiskit",
    "transpiler.passes": "use the passes of qiskit.transpiler.passes",
    "utils.result_decoder": "import ResultDecoder from qiskit_ibm_runtime.decoders.result_decoder",
    "visualization": "plot the start and stop of the result's execution spans",
}
"""Names and modules that this package does not have -> what to do instead."""
