"""``NoiseLearnerV3``."""

from typing import TYPE_CHECKING

from ._doors import door

if TYPE_CHECKING:
    from .noise.noise_learner_v3 import NoiseLearnerV3 as NoiseLearnerV3

__all__, __getattr__, __dir__ = door(
    __name__, {"noise.noise_learner_v3": "NoiseLearnerV3"}, files={"noise_learner_v3": "NoiseLearnerV3"}
)
