"""The official client's package of that name, for what programs import from it."""

from typing import TYPE_CHECKING

from ._doors import door

if TYPE_CHECKING:
    from .programs.runner_result import RunnerResult as RunnerResult
    from .results.estimator_pub import EstimatorPubResult as EstimatorPubResult
    from .results.noise_learner import LayerError as LayerError
    from .results.noise_learner import NoiseLearnerResult as NoiseLearnerResult
    from .results.noise_learner import PauliLindbladError as PauliLindbladError
    from .service.logging import setup_logger as setup_logger
    from .visualization.embeddings import Embedding as Embedding
    from .wire.typed import RuntimeDecoder as RuntimeDecoder
    from .wire.typed import RuntimeEncoder as RuntimeEncoder

__all__, __getattr__, __dir__ = door(
    __name__,
    {
        "programs.runner_result": "RunnerResult",
        "results.estimator_pub": "EstimatorPubResult",
        "results.noise_learner": "LayerError NoiseLearnerResult PauliLindbladError",
        "service.logging": "setup_logger",
        "visualization.embeddings": "Embedding",
        "wire.typed": "RuntimeDecoder RuntimeEncoder",
    },
    files={
        "embeddings": "Embedding",
        "estimator_pub_result": "EstimatorPubResult",
        "json": "RuntimeDecoder RuntimeEncoder",
        "logging": "setup_logger",
        "noise_learner_result": "LayerError NoiseLearnerResult PauliLindbladError",
        "runner_result": "RunnerResult",
    },
)
