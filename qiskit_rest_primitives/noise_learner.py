"""``NoiseLearner``."""

from typing import TYPE_CHECKING

from ._doors import door

if TYPE_CHECKING:
    from .noise.noise_learner import NoiseLearner as NoiseLearner

__all__, __getattr__, __dir__ = door(
    __name__, {"noise.noise_learner": "NoiseLearner"}, files={"noise_learner": "NoiseLearner"}
)
