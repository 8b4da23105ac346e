"""Options of the primitives."""

from typing import TYPE_CHECKING

from .._doors import door

if TYPE_CHECKING:
    from .groups import DynamicalDecouplingOptions as DynamicalDecouplingOptions
    from .groups import EnvironmentOptions as EnvironmentOptions
    from .groups import ExecutionOptionsV2 as ExecutionOptionsV2
    from .groups import LayerNoiseLearningOptions as LayerNoiseLearningOptions
    from .groups import MeasureNoiseLearningOptions as MeasureNoiseLearningOptions
    from .groups import PecOptions as PecOptions
    from .groups import ResilienceOptionsV2 as ResilienceOptionsV2
    from .groups import SamplerExecutionOptionsV2 as SamplerExecutionOptionsV2
    from .groups import SimulatorOptions as SimulatorOptions
    from .groups import TwirlingOptions as TwirlingOptions
    from .groups import ZneOptions as ZneOptions
    from .noise_learner import NoiseLearnerOptions as NoiseLearnerOptions
    from .primitives import EstimatorOptions as EstimatorOptions
    from .primitives import OptionsV2 as OptionsV2
    from .primitives import SamplerOptions as SamplerOptions

__all__, __getattr__, __dir__ = door(
    __name__,
    {
        "options.groups": (
            "DynamicalDecouplingOptions EnvironmentOptions LayerNoiseLearningOptions "
            "MeasureNoiseLearningOptions PecOptions SimulatorOptions TwirlingOptions ZneOptions "
            "ExecutionOptionsV2 ResilienceOptionsV2 SamplerExecutionOptionsV2"
        ),
        "options.noise_learner": "NoiseLearnerOptions",
        "options.primitives": "EstimatorOptions OptionsV2 SamplerOptions",
    },
    modules="utils",
    files={
        "dynamical_decoupling_options": "DynamicalDecouplingOptions",
        "environment_options": "EnvironmentOptions",
        "estimator_options": "EstimatorOptions",
        "execution_options": "ExecutionOptionsV2",
        "layer_noise_learning_options": "LayerNoiseLearningOptions",
        "measure_noise_learning_options": "MeasureNoiseLearningOptions",
        "noise_learner_options": "NoiseLearnerOptions",
        "options": "OptionsV2",
        "pec_options": "PecOptions",
        "resilience_options": "ResilienceOptionsV2",
        "sampler_execution_options": "SamplerExecutionOptionsV2",
        "sampler_options": "SamplerOptions",
        "simulator_options": "SimulatorOptions",
        "twirling_options": "TwirlingOptions",
        "zne_options": "ZneOptions",
    },
)
