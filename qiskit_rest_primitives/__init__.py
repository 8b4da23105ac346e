"""Qiskit's V2 primitives over plain REST: a drop-in replacement for ``qiskit_ibm_runtime``.

Public names and paths are listed here; each is loaded when it is first used, so importing the package costs nothing.
"""

from typing import TYPE_CHECKING

from ._doors import door
from ._version import __version__

if TYPE_CHECKING:
    from .exceptions import *  # noqa: F403
    from .executor.executor import Executor as Executor
    from .executor.quantum_program import QuantumProgram as QuantumProgram
    from .jobs.decoders import ResultDecoder as ResultDecoder
    from .jobs.job import RuntimeJobV2 as RuntimeJobV2
    from .jobs.several import as_completed as as_completed
    from .jobs.several import gather as gather
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
    from .programs.author import UserMessenger as UserMessenger
    from .programs.job import ProgramJob as ProgramJob
    from .programs.parameter_namespace import ParameterNamespace as ParameterNamespace
    from .programs.programs import RuntimeProgram as RuntimeProgram
    from .programs.runner_result import RunnerResult as RunnerResult
    from .programs.runtime_options import RuntimeOptions as RuntimeOptions
    from .service.logging import logger as logger
    from .service.logging import setup_logger as setup_logger
    from .service.service import QiskitRuntimeService as QiskitRuntimeService
    from .session import Batch as Batch
    from .session import Session as Session
    from .transpiler.cloud_service import TranspilerService as TranspilerService
    from .wire.typed import RuntimeDecoder as RuntimeDecoder
    from .wire.typed import RuntimeEncoder as RuntimeEncoder

    NoiseLearnerV2 = NoiseLearner
    Options = OptionsV2
    Estimator = EstimatorV2
    Sampler = SamplerV2
    IBMQuantumComputeService = QiskitRuntimeService

_names, __getattr__, __dir__ = door(
    __name__,
    {
        "exceptions": (
            "AccountAlreadyExistsError AccountNotFoundError AccountsError CircuitRefusedError "
            "IBMAccountError IBMApiError IBMBackendApiError IBMBackendApiProtocolError IBMBackendError "
            "IBMBackendValueError IBMError IBMInputValueError IBMNotAuthorizedError IBMRuntimeError "
            "InvalidAccountError JobError JobTimeoutError QiskitError RequestConnectionError "
            "RequestTimeoutError RequestsApiError ResultDecodeError RuntimeDuplicateProgramError "
            "RuntimeInvalidStateError RuntimeJobFailureError RuntimeJobMaxTimeoutError RuntimeJobNotFound "
            "RuntimeJobTimeoutError RuntimeProgramNotFound SessionClosedError SubmissionUnknownError "
            "UsageLimitError"
        ),
        "executor.executor": "Executor",
        "executor.quantum_program": "QuantumProgram",
        "jobs.decoders": "ResultDecoder",
        "jobs.job": "RuntimeJobV2",
        "jobs.several": "as_completed gather",
        "models.backend": "IBMBackend",
        "noise.calibrator": "Calibrator",
        "noise.noise_learner": "NoiseLearner NoiseLearnerV2=NoiseLearner",
        "noise.noise_learner_v3": "NoiseLearnerV3",
        "options.noise_learner": "NoiseLearnerOptions NoiseLearnerV3Options",
        "options.primitives": "EstimatorOptions ExecutorOptions Options=OptionsV2 OptionsV2 SamplerOptions",
        "primitives.estimator": "Estimator=EstimatorV2 EstimatorV2",
        "primitives.sampler": "Sampler=SamplerV2 SamplerV2",
        "programs.author": "ProgramBackend UserMessenger",
        "programs.job": "ProgramJob",
        "programs.parameter_namespace": "ParameterNamespace",
        "programs.programs": "RuntimeProgram",
        "programs.runner_result": "RunnerResult",
        "programs.runtime_options": "RuntimeOptions",
        "service.logging": "logger setup_logger",
        "service.service": "IBMQuantumComputeService=QiskitRuntimeService QiskitRuntimeService",
        "session": "Batch Session",
        "transpiler.cloud_service": "TranspilerService",
        "wire.typed": "RuntimeDecoder RuntimeEncoder",
    },
    modules=(
        "accounts api base_primitive batch calibrator circuit compat debug_tools decoders estimator "
        "exceptions execution_span executor executor_estimator executor_noise_learner executor_sampler "
        "fake_provider ibm_backend json models noise_learner noise_learner_v3 options options_models "
        "program proxies qiskit_runtime_service quantum_program results runtime_job_v2 runtime_options "
        "runtime_program sampler server session transpiler utils version visualization"
    ),
)

__all__ = ["__version__", *_names]  # noqa: PLE0604 - names are text
