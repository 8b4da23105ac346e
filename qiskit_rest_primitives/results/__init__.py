"""Classes of results beside Qiskit's own."""

from typing import TYPE_CHECKING

from .._doors import door

if TYPE_CHECKING:
    from .calibrator import CalibratorResult as CalibratorResult
    from .estimator_pub_result import EstimatorPubResult as EstimatorPubResult
    from .learned_noise import NoiseLearnerV3Result as NoiseLearnerV3Result
    from .learned_noise import NoiseLearnerV3Results as NoiseLearnerV3Results
    from .noise import LayerError as LayerError
    from .noise import NoiseLearnerResult as NoiseLearnerResult
    from .noise import PauliLindbladError as PauliLindbladError
    from .program_result import ChunkPart as ChunkPart
    from .program_result import ChunkSpan as ChunkSpan
    from .program_result import ChunkTiming as ChunkTiming
    from .program_result import ItemMetadata as ItemMetadata
    from .program_result import Metadata as Metadata
    from .program_result import QuantumProgramItemResult as QuantumProgramItemResult
    from .program_result import QuantumProgramResult as QuantumProgramResult
    from .program_result import SchedulerTiming as SchedulerTiming
    from .program_result import StretchValues as StretchValues

__all__, __getattr__, __dir__ = door(
    __name__,
    {
        "results.calibrator": "CalibratorResult",
        "results.estimator_pub_result": "EstimatorPubResult",
        "results.learned_noise": "NoiseLearnerV3Result NoiseLearnerV3Results",
        "results.noise": "LayerError NoiseLearnerResult PauliLindbladError",
        "results.program_result": (
            "ChunkPart ChunkSpan ChunkTiming ItemMetadata Metadata QuantumProgramItemResult "
            "QuantumProgramResult SchedulerTiming StretchValues"
        ),
    },
    modules="calibrator",
    files={
        "estimator_pub": "EstimatorPubResult",
        "noise_learner": "LayerError NoiseLearnerResult PauliLindbladError",
        "noise_learner_v3": "NoiseLearnerV3Result NoiseLearnerV3Results",
        "quantum_program": (
            "ChunkPart ChunkSpan ChunkTiming ItemMetadata Metadata QuantumProgramItemResult "
            "QuantumProgramResult SchedulerTiming StretchValues"
        ),
        "runner": "programs.runner_result:RunnerResult",
    },
)
