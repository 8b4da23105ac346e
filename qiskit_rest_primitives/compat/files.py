"""Paths of single files below ``qiskit_ibm_runtime`` that programs import from, besides the packages they belong to."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["FILES", "with_files"]

FILES: dict[str, str] = {
    "accounts.account": "Account AccountType ChannelType PlanType RegionType",
    "accounts.management": "AccountManager",
    "calibrator.calibrator": "Calibrator",
    "circuit.library.mid_circuit_measure": "MeasureReset MidCircuitMeasure MidCircuitReset",
    "circuit.library.xslow": "XSlowGate",
    "debug_tools.neat": "Neat",
    "debug_tools.neat_results": "NeatPubResult NeatResult",
    "execution_span.double_slice_span": "DoubleSliceSpan",
    "execution_span.execution_span": "ExecutionSpan ShapeType",
    "execution_span.execution_spans": "ExecutionSpans",
    "execution_span.slice_span": "SliceSpan",
    "execution_span.twirled_slice_span": "TwirledSliceSpan TwirledSliceSpanV2",
    "executor_estimator.estimator": "Estimator",
    "executor_sampler.sampler": "Sampler",
    "executor_noise_learner.noise_learner_v3": "NoiseLearnerV3",
    "models.backend_configuration": "BackendConfiguration GateConfig QasmBackendConfiguration UchannelLO",
    "models.backend_properties": "BackendProperties GateProperties Nduv",
    "models.backend_status": "BackendStatus",
    "noise_learner.noise_learner": "NoiseLearner",
    "noise_learner_v3.noise_learner_v3": "NoiseLearnerV3",
    "options.dynamical_decoupling_options": "DynamicalDecouplingOptions",
    "options.environment_options": "EnvironmentOptions",
    "options.estimator_options": "EstimatorOptions",
    "options.execution_options": "ExecutionOptionsV2",
    "options.layer_noise_learning_options": "LayerNoiseLearningOptions",
    "options.measure_noise_learning_options": "MeasureNoiseLearningOptions",
    "options.noise_learner_options": "NoiseLearnerOptions",
    "options.options": "OptionsV2",
    "options.pec_options": "PecOptions",
    "options.resilience_options": "ResilienceOptionsV2",
    "options.sampler_execution_options": "SamplerExecutionOptionsV2",
    "options.sampler_options": "SamplerOptions",
    "options.simulator_options": "SimulatorOptions",
    "options.twirling_options": "TwirlingOptions",
    "options.zne_options": "ZneOptions",
    "options_models.bit_flip_checks": "BitFlipChecksOptions PostCircuitBitFlipChecksOptions "
    "PreCircuitBitFlipChecksOptions",
    "options_models.calibrator": "CalibratorOptions",
    "options_models.dynamical_decoupling": "DynamicalDecouplingOptions",
    "options_models.environment": "EnvironmentOptions",
    "options_models.estimator": "EstimatorOptions",
    "options_models.execution": "ExecutionOptions SamplerExecutionOptions",
    "options_models.measure_noise_learning": "MeasureNoiseLearningOptions",
    "options_models.noise_learner_v3": "NoiseLearnerV3Options",
    "options_models.pec": "PecOptions",
    "options_models.resilience": "ResilienceOptions",
    "options_models.sampler": "SamplerOptions",
    "options_models.simulator": "SimulatorOptions",
    "options_models.twirling": "TwirlingOptions",
    "options_models.zne": "ZneOptions",
    "proxies.configuration": "ProxyConfiguration",
    "results.calibrator": "CalibratorResult",
    "results.estimator_pub": "EstimatorPubResult",
    "results.noise_learner": "LayerError NoiseLearnerResult PauliLindbladError",
    "results.noise_learner_v3": "NoiseLearnerV3Result NoiseLearnerV3Results",
    "transpiler.passes.basis.convert_id_to_delay": "ConvertIdToDelay",
    "transpiler.passes.basis.convert_mid_circ_meas": "ConvertToMidCircuitMeasure "
    "ConvertToMidCircuitResetAndMeasure",
    "transpiler.passes.cliffordization": "ConvertISAToClifford",
    "transpiler.passes.cliffordization.convert_isa_to_clifford": "ConvertISAToClifford",
    "visualization.draw_chunk_timings": "draw_chunk_timings",
    "visualization.draw_circuit_schedule_timings": "draw_circuit_schedule_timing",
    "visualization.draw_execution_spans": "draw_execution_spans",
    "visualization.draw_layer_error": "draw_layer_error_map draw_layer_errors_swarm",
    "visualization.draw_zne": "draw_zne_evs draw_zne_extrapolators",
}
"""File -> the names in it."""


def with_files(modules: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
    """Return a table of modules with the files that belong to its packages added.

    A name that the package does not have is left out, so that asking for it says the same in both places.
    """
    found = {module: dict(homes) for module, homes in modules.items()}
    for path, names in FILES.items():
        package = path.rpartition(".")[0]
        while package and package not in modules:
            package = package.rpartition(".")[0]
        if package:
            found[path] = {name: modules[package][name] for name in names.split() if name in modules[package]}
    return found
