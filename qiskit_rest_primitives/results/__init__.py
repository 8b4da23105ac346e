"""Classes of results beside Qiskit's own."""

from typing import TYPE_CHECKING

from .._doors import door

if TYPE_CHECKING:
    from .calibrator import CalibratorResult as CalibratorResult
    from .estimator_pub import EstimatorPubResult as EstimatorPubResult
    from .noise_learner import LayerError as LayerError
    from .noise_learner import NoiseLearnerResult as NoiseLearnerResult
    from .noise_learner import PauliLindbladError as PauliLindbladError
    from .noise_learner_v3 import NoiseLearnerV3Result as NoiseLearnerV3Result
    from .noise_learner_v3 import NoiseLearnerV3Results as NoiseLearnerV3Results
    from .quantum_program import ChunkPart as ChunkPart
    from .quantum_program import ChunkSpan as ChunkSpan
    from .quantum_program import ChunkTiming as ChunkTiming
    from .quantum_program import ItemMetadata as ItemMetadata
    from .quantum_program import Metadata as Metadata
    from .quantum_program import QuantumProgramItemResult as QuantumProgramItemResult
    from .quantum_program import QuantumProgramResult as QuantumProgramResult
    from .quantum_program import SchedulerTiming as SchedulerTiming
    from .quantum_program import StretchValues as StretchValues

__all__, __getattr__, __dir__ = door(
    __name__,
    {
        "results.calibrator": "CalibratorResult",
        "results.estimator_pub": "EstimatorPubResult",
        "results.noise_learner_v3": "NoiseLearnerV3Result NoiseLearnerV3Results",
        "results.noise_learner": "LayerError NoiseLearnerResult PauliLindbladError",
        "results.quantum_program": (
            "ChunkPart ChunkSpan ChunkTiming ItemMetadata Metadata QuantumProgramItemResult "
            "QuantumProgramResult SchedulerTiming StretchValues"
        ),
    },
    modules="calibrator estimator_pub noise_learner noise_learner_v3 quantum_program",
    files={"runner": "programs.runner_result:RunnerResult"},
)
