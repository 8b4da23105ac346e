"""Decoders of results."""

from typing import TYPE_CHECKING

from ._doors import door

if TYPE_CHECKING:
    from .jobs.decoders import DEFAULT_DECODERS as DEFAULT_DECODERS
    from .jobs.decoders import BaseClientSideResultDecoder as BaseClientSideResultDecoder
    from .jobs.decoders import ClientSideEstimatorDecoder as ClientSideEstimatorDecoder
    from .jobs.decoders import ClientSideNoiseLearnerResultDecoder as ClientSideNoiseLearnerResultDecoder
    from .jobs.decoders import ClientSideSamplerResultDecoder as ClientSideSamplerResultDecoder
    from .jobs.decoders import ExecutorResultDecoder as ExecutorResultDecoder
    from .jobs.decoders import ResultDecoder as ResultDecoder
    from .wire.typed import RuntimeDecoder as RuntimeDecoder

__all__, __getattr__, __dir__ = door(
    __name__,
    {
        "jobs.decoders": (
            "DEFAULT_DECODERS ResultDecoder ExecutorResultDecoder BaseClientSideResultDecoder "
            "ClientSideSamplerResultDecoder ClientSideEstimatorDecoder ClientSideNoiseLearnerResultDecoder"
        ),
        "wire.typed": "RuntimeDecoder",
    },
    files={
        "defaults": "DEFAULT_DECODERS",
        "result_decoder": "ResultDecoder RuntimeDecoder",
        "executor": "",
        "executor.decoder": "ExecutorResultDecoder BaseClientSideResultDecoder",
        "executor_sampler": "",
        "executor_sampler.decoder": "ClientSideSamplerResultDecoder",
        "executor_estimator": "",
        "executor_estimator.decoder": "ClientSideEstimatorDecoder",
        "executor_noise_learner": "",
        "executor_noise_learner.decoder": "ClientSideNoiseLearnerResultDecoder",
    },
)
