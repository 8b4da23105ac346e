"""What the service makes of options that are left to it: which twirling and which mitigation a job really has.

What lives here: the resolution by resilience level (drop-in A.8), for users who want to see it; jobs are sent as the
options are, and the service resolves them itself. What does not: the options (``options``).
"""

from __future__ import annotations

import warnings

from .options import EstimatorOptions, SamplerOptions

__all__ = ["final_estimator_options", "final_sampler_options"]


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
    final = options.replica()
    level = final.resilience_level if isinstance(final.resilience_level, int) else 1
    final.resilience_level = level
    resilience = final.resilience
    cancelled = bool(resilience.pec_mitigation)
    resilience.measure_mitigation = _decided(resilience.measure_mitigation, level >= 1)
    resilience.zne_mitigation = _decided(resilience.zne_mitigation, level >= 2 and not cancelled)
    resilience.pec_mitigation = cancelled
    learned = cancelled or (resilience.zne_mitigation and resilience.zne.amplifier == "pea")
    _twirl(final, "enable_gates", by_level=level >= 2, needed=learned)
    _twirl(final, "enable_measure", by_level=level >= 1, needed=learned or resilience.measure_mitigation)
    return final


def _decided(chosen: object, otherwise: bool) -> bool:
    return chosen if isinstance(chosen, bool) else otherwise


def _twirl(options: EstimatorOptions, switch: str, *, by_level: bool, needed: bool) -> None:
    chosen = getattr(options.twirling, switch)
    if needed and chosen is False:
        warnings.warn(
            f"twirling.{switch} = False has no effect: the mitigation that is asked for needs it.",
            UserWarning,
            stacklevel=4,  # the caller of finalize_options()
        )
    setattr(options.twirling, switch, needed or _decided(chosen, by_level))
