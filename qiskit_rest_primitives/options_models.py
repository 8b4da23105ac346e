"""Options under the names of the newer family."""

from typing import TYPE_CHECKING

from ._doors import door

if TYPE_CHECKING:
    from .options.groups import DynamicalDecouplingOptions as DynamicalDecouplingOptions
    from .options.groups import EnvironmentOptions as EnvironmentOptions
    from .options.groups import ExecutionOptionsV2, ResilienceOptionsV2, SamplerExecutionOptionsV2
    from .options.groups import MeasureNoiseLearningOptions as MeasureNoiseLearningOptions
    from .options.groups import PecOptions as PecOptions
    from .options.groups import SimulatorOptions as SimulatorOptions
    from .options.groups import TwirlingOptions as TwirlingOptions
    from .options.groups import ZneOptions as ZneOptions
    from .options.noise_learner import BitFlipChecksOptions as BitFlipChecksOptions
    from .options.noise_learner import CalibratorOptions as CalibratorOptions
    from .options.noise_learner import NoiseLearnerV3Options as NoiseLearnerV3Options
    from .options.noise_learner import PostCircuitBitFlipChecksOptions as PostCircuitBitFlipChecksOptions
    from .options.noise_learner import PreCircuitBitFlipChecksOptions as PreCircuitBitFlipChecksOptions
    from .options.primitives import EstimatorOptions as EstimatorOptions
    from .options.primitives import ExecutorOptions as ExecutorOptions
    from .options.primitives import SamplerOptions as SamplerOptions

    ExecutionOptions = ExecutionOptionsV2
    ResilienceOptions = ResilienceOptionsV2
    SamplerExecutionOptions = SamplerExecutionOptionsV2

__all__, __getattr__, __dir__ = door(
    __name__,
    {
        "options.groups": (
            "DynamicalDecouplingOptions EnvironmentOptions "
            "MeasureNoiseLearningOptions PecOptions SimulatorOptions TwirlingOptions ZneOptions "
            "ExecutionOptions=ExecutionOptionsV2 ResilienceOptions=ResilienceOptionsV2 "
            "SamplerExecutionOptions=SamplerExecutionOptionsV2"
        ),
        "options.noise_learner": (
            "BitFlipChecksOptions CalibratorOptions NoiseLearnerV3Options PostCircuitBitFlipChecksOptions "
            "PreCircuitBitFlipChecksOptions"
        ),
        "options.primitives": "EstimatorOptions ExecutorOptions SamplerOptions",
    },
    files={
        "bit_flip_checks": "BitFlipChecksOptions PostCircuitBitFlipChecksOptions PreCircuitBitFlipChecksOptions",
        "calibrator": "CalibratorOptions",
        "dynamical_decoupling": "DynamicalDecouplingOptions",
        "environment": "EnvironmentOptions",
        "estimator": "EstimatorOptions",
        "execution": "ExecutionOptions SamplerExecutionOptions",
        "executor": "ExecutorOptions",
        "measure_noise_learning": "MeasureNoiseLearningOptions",
        "noise_learner_v3": "NoiseLearnerV3Options",
        "pec": "PecOptions",
        "resilience": "ResilienceOptions",
        "sampler": "SamplerOptions",
        "simulator": "SimulatorOptions",
        "twirling": "TwirlingOptions",
        "zne": "ZneOptions",
    },
)
