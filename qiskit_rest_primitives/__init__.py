"""Qiskit's V2 primitives over plain REST: a drop-in replacement for ``qiskit_ibm_runtime``.

The public names live here; each is loaded when it is first used, so importing the package costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._version import __version__

if TYPE_CHECKING:
    from .exceptions import *  # noqa: F403
    from .executor.executor import Executor as Executor
    from .executor.quantum_program import QuantumProgram as QuantumProgram
    from .jobs.completion import as_completed as as_completed
    from .jobs.job import RuntimeJobV2 as RuntimeJobV2
    from .models.backend import IBMBackend as IBMBackend
    from .noise.calibrator import Calibrator as Calibrator
    from .noise.noise_learner import NoiseLearner as NoiseLearner
    from .noise.noise_learner_v3 import NoiseLearnerV3 as NoiseLearnerV3
    from .options.noise_learner import NoiseLearnerOptions as NoiseLearnerOptions
    from .options.noise_learner import NoiseLearnerV3Options as NoiseLearnerV3Options
    from .options.primitives import EstimatorOptions as EstimatorOptions
    from .options.primitives import ExecutorOptions as ExecutorOptions
    from .options.primitives import OptionsV2 as OptionsV2
    from .options.primitives import SamplerOptions as SamplerOptions
    from .primitives.estimator import EstimatorV2 as EstimatorV2
    from .primitives.sampler import SamplerV2 as SamplerV2
    from .programs.author import ProgramBackend as ProgramBackend
    from .programs.author import ResultDecoder as ResultDecoder
    from .programs.author import UserMessenger as UserMessenger
    from .programs.job import ProgramJob as ProgramJob
    from .programs.parameter_namespace import ParameterNamespace as ParameterNamespace
    from .programs.programs import RuntimeProgram as RuntimeProgram
    from .programs.runner_result import RunnerResult as RunnerResult
    from .programs.runtime_options import RuntimeOptions as RuntimeOptions
    from .service.service import QiskitRuntimeService as QiskitRuntimeService
    from .session import Batch as Batch
    from .session import Session as Session
    from .transpiler.cloud_service import TranspilerService as TranspilerService
    from .wire.typed import RuntimeDecoder as RuntimeDecoder
    from .wire.typed import RuntimeEncoder as RuntimeEncoder

    Estimator = EstimatorV2
    IBMQuantumComputeService = QiskitRuntimeService
    NoiseLearnerV2 = NoiseLearner
    Options = OptionsV2
    Sampler = SamplerV2

_HOMES = {
    "Batch": "session.Batch",
    "Calibrator": "noise.calibrator.Calibrator",
    "Estimator": "primitives.estimator.EstimatorV2",
    "EstimatorOptions": "options.primitives.EstimatorOptions",
    "EstimatorV2": "primitives.estimator.EstimatorV2",
    "Executor": "executor.executor.Executor",
    "ExecutorOptions": "options.primitives.ExecutorOptions",
    "IBMBackend": "models.backend.IBMBackend",
    "IBMQuantumComputeService": "service.service.QiskitRuntimeService",
    "NoiseLearner": "noise.noise_learner.NoiseLearner",
    "NoiseLearnerOptions": "options.noise_learner.NoiseLearnerOptions",
    "NoiseLearnerV2": "noise.noise_learner.NoiseLearner",
    "NoiseLearnerV3": "noise.noise_learner_v3.NoiseLearnerV3",
    "NoiseLearnerV3Options": "options.noise_learner.NoiseLearnerV3Options",
    "Options": "options.primitives.OptionsV2",
    "OptionsV2": "options.primitives.OptionsV2",
    "ParameterNamespace": "programs.parameter_namespace.ParameterNamespace",
    "ProgramBackend": "programs.author.ProgramBackend",
    "ProgramJob": "programs.job.ProgramJob",
    "QiskitRuntimeService": "service.service.QiskitRuntimeService",
    "QuantumProgram": "executor.quantum_program.QuantumProgram",
    "ResultDecoder": "programs.author.ResultDecoder",
    "RunnerResult": "programs.runner_result.RunnerResult",
    "RuntimeDecoder": "wire.typed.RuntimeDecoder",
    "RuntimeEncoder": "wire.typed.RuntimeEncoder",
    "RuntimeJobV2": "jobs.job.RuntimeJobV2",
    "RuntimeOptions": "programs.runtime_options.RuntimeOptions",
    "RuntimeProgram": "programs.programs.RuntimeProgram",
    "Sampler": "primitives.sampler.SamplerV2",
    "SamplerOptions": "options.primitives.SamplerOptions",
    "SamplerV2": "primitives.sampler.SamplerV2",
    "Session": "session.Session",
    "TranspilerService": "transpiler.cloud_service.TranspilerService",
    "UserMessenger": "programs.author.UserMessenger",
    "as_completed": "jobs.completion.as_completed",
} | {
    name: f"exceptions.{name}"
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
