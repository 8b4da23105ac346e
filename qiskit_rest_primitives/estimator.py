"""``EstimatorV2``."""

from typing import TYPE_CHECKING

from ._doors import door

if TYPE_CHECKING:
    from .primitives.estimator import EstimatorV2 as EstimatorV2

    Estimator = EstimatorV2

__all__, __getattr__, __dir__ = door(__name__, {"primitives.estimator": "Estimator=EstimatorV2 EstimatorV2"})
