"""Qiskit's V2 primitives over plain REST: a drop-in replacement for ``qiskit_ibm_runtime``.

The public names live here; each is loaded when it is first used, so importing the package costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._version import __version__

if TYPE_CHECKING:
    from .backend import IBMBackend as IBMBackend
    from .calibrator import Calibrator as Calibrator
    from .completion import as_completed as as_completed
    from .errors import *  # noqa: F403
    from .estimator import EstimatorV2 as EstimatorV2
    from .executor import Executor as Executor
    from .job import RuntimeJobV2 as RuntimeJobV2
    from .learning_options import NoiseLearnerOptions as NoiseLearnerOptions
    from .learning_options import NoiseLearnerV3Options as NoiseLearnerV3Options
    from .noise_learner import NoiseLearner as NoiseLearner
    from .noise_learner_v3 import NoiseLearnerV3 as NoiseLearnerV3
    from .options import EstimatorOptions as EstimatorOptions
    from .options import ExecutorOptions as ExecutorOptions
    from .options import OptionsV2 as OptionsV2
    from .options import SamplerOptions as SamplerOptions
    from .parameter_namespace import ParameterNamespace as ParameterNamespace
    from .program import ProgramBackend as ProgramBackend
    from .program import ResultDecoder as ResultDecoder
    from .program import UserMessenger as UserMessenger
    from .program_job import ProgramJob as ProgramJob
    from .programs import RuntimeProgram as RuntimeProgram
    from .quantum_program import QuantumProgram as QuantumProgram
    from .runner_result import RunnerResult as RunnerResult
    from .runtime_options import RuntimeOptions as RuntimeOptions
    from .sampler import SamplerV2 as SamplerV2
    from .service import QiskitRuntimeService as QiskitRuntimeService
    from .session import Batch as Batch
    from .session import Session as Session
    from .transpiler import TranspilerService as TranspilerService
    from .wire.typed import RuntimeDecoder as RuntimeDecoder
    from .wire.typed import RuntimeEncoder as RuntimeEncoder

    Estimator = EstimatorV2
    IBMQuantumComputeService = QiskitRuntimeService
    NoiseLearnerV2 = NoiseLearner
    Options = OptionsV2
    Sampler = SamplerV2

_HOMES = {
    "Batch": "session.Batch",
    "Calibrator": "calibrator.Calibrator",
    "Estimator": "estimator.EstimatorV2",
    "EstimatorOptions": "options.EstimatorOptions",
    "EstimatorV2": "estimator.EstimatorV2",
    "Executor": "executor.Executor",
    "ExecutorOptions": "options.ExecutorOptions",
    "IBMBackend": "backend.IBMBackend",
    "IBMQuantumComputeService": "service.QiskitRuntimeService",
    "NoiseLearner": "noise_learner.NoiseLearner",
    "NoiseLearnerOptions": "learning_options.NoiseLearnerOptions",
    "NoiseLearnerV2": "noise_learner.NoiseLearner",
    "NoiseLearnerV3": "noise_learner_v3.NoiseLearnerV3",
    "NoiseLearnerV3Options": "learning_options.NoiseLearnerV3Options",
    "Options": "options.OptionsV2",
    "OptionsV2": "options.OptionsV2",
    "ParameterNamespace": "parameter_namespace.ParameterNamespace",
    "ProgramBackend": "program.ProgramBackend",
    "ProgramJob": "program_job.ProgramJob",
    "QiskitRuntimeService": "service.QiskitRuntimeService",
    "QuantumProgram": "quantum_program.QuantumProgram",
    "ResultDecoder": "program.ResultDecoder",
    "RunnerResult": "runner_result.RunnerResult",
    "RuntimeDecoder": "wire.typed.RuntimeDecoder",
    "RuntimeEncoder": "wire.typed.RuntimeEncoder",
    "RuntimeJobV2": "job.RuntimeJobV2",
    "RuntimeOptions": "runtime_options.RuntimeOptions",
    "RuntimeProgram": "programs.RuntimeProgram",
    "Sampler": "sampler.SamplerV2",
    "SamplerOptions": "options.SamplerOptions",
    "SamplerV2": "sampler.SamplerV2",
    "Session": "session.Session",
    "TranspilerService": "transpiler.TranspilerService",
    "UserMessenger": "program.UserMessenger",
    "as_completed": "completion.as_completed",
} | {
    name: f"errors.{name}"
    for name in (
        "AccountAlreadyExistsError",
        "AccountNotFoundError",
        "AccountsError",
        "CircuitRefusedError",
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
        "InvalidAccountError",
        "JobError",
        "JobTimeoutError",
        "QiskitError",
        "RequestConnectionError",
        "RequestTimeoutError",
        "RequestsApiError",
        "ResultDecodeError",
        "RuntimeDuplicateProgramError",
        "RuntimeInvalidStateError",
        "RuntimeJobFailureError",
        "RuntimeJobMaxTimeoutError",
        "RuntimeJobNotFound",
        "RuntimeJobTimeoutError",
        "RuntimeProgramNotFound",
        "SessionClosedError",
        "SubmissionUnknownError",
        "UsageLimitError",
    )
}

__all__ = ["__version__", *sorted(_HOMES)]  # noqa: PLE0604 - the keys of the table above are all strings


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, attribute = _HOMES[name].rpartition(".")
    value = getattr(import_module(f".{module}", __name__), attribute)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
