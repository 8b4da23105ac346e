"""``EstimatorV2``."""

from .primitives.estimator import EstimatorV2
from .primitives.estimator import EstimatorV2 as Estimator

__all__ = ["Estimator", "EstimatorV2"]
