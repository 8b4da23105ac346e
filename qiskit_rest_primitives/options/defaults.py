"""What the service makes of options that are left to it: which twirling and which mitigation a job really has."""

from __future__ import annotations

import warnings

from .primitives import EstimatorOptions, SamplerOptions


def final_sampler_options(options: SamplerOptions) -> SamplerOptions:
    """Return a copy in which both switches of twirling are True or False."""
    final = options.replica()
    final.twirling.enable_gates = bool(final.twirling.enable_gates)
    final.twirling.enable_measure = bool(final.twirling.enable_measure)
    return final


def final_estimator_options(options: EstimatorOptions) -> EstimatorOptions:
    """Return a copy in which the switches of twirling and mitigation are True or False, by the resilience level.

    Mitigation that needs twirling turns it on, with a warning where it was turned off by name.
    """
    final, switches = options.replica(), options.switches()
    final.resilience_level = level if isinstance(level := final.resilience_level, int) else 1
    for switch in ("enable_gates", "enable_measure"):
        if getattr(final.twirling, switch) is False and switches[f"twirling.{switch}"]:
            warnings.warn(
                f"twirling.{switch} = False has no effect: the mitigation that is asked for needs it.",
                UserWarning,
                stacklevel=3,  # the caller of finalize_options()
            )
    for path, value in switches.items():
        group, _, name = path.partition(".")
        setattr(getattr(final, group), name, value)
    return final
