"""How many executions a job asks for, told from its inputs before any circuit is read.

An execution is one shot of one circuit: shots times parameter sets, summed over the PUBs; of an estimator, with one
measurement setting for each parameter set, and times the noise factors of extrapolation.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ...wire.arrays import array_shape
from ...wire.pubs import MOST_SHOTS, SMALLEST_PRECISION
from .options import RunOptions


def sampler_executions(params: Mapping[str, Any], options: RunOptions) -> int | None:
    """Return how many executions a job of a sampler asks for.

    Args:
        params: Its inputs, decoded from JSON and checked but for the PUBs.
        options: What they ask for.

    Returns:
        At most ``wire.pubs.MOST_SHOTS``; None for PUBs that will fail.
    """
    return _executions(params, options, _of_sampler_pub)


def estimator_executions(params: Mapping[str, Any], options: RunOptions) -> int | None:
    """Return how many executions a job of an estimator asks for; see ``sampler_executions``."""
    return _executions(params, options, _of_estimator_pub)


def _executions(
    params: Mapping[str, Any], options: RunOptions, count: Callable[[Any, RunOptions], int]
) -> int | None:
    try:
        return max(0, min(MOST_SHOTS, sum(count(pub, options) for pub in params["pubs"])))
    except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError):
        return None  # the job will fail with a reason that names the place


def _of_sampler_pub(pub: Any, options: RunOptions) -> int:
    values, shots = _members(pub, 1, 2)
    return _sets(values) * (options.shots if shots is None else int(shots))


def _of_estimator_pub(pub: Any, options: RunOptions) -> int:
    values, precision = _members(pub, 2, 3)
    if precision is not None and not precision >= SMALLEST_PRECISION:
        raise ValueError("no precision")
    factors = 1 if options.zne is None else len(options.zne.noise_factors)
    return _sets(values) * options.estimator_shots(precision) * factors


def _members(pub: Any, *places: int) -> list[Any]:
    return [pub[place] if isinstance(pub, list) and len(pub) > place else None for place in places]


def _sets(values: Any) -> int:
    """Return the number of parameter sets that values in any form of rest-api.md 4.5 make."""
    if values is None:
        return 1
    if isinstance(values, dict) and "__type__" not in values:
        return math.prod(np.broadcast_shapes(*map(_shape, values.values())))
    if isinstance(values, dict) and values["__type__"] == "BindingsArray":
        content = values["__value__"]
        if content.get("shape") is not None:
            return math.prod(map(int, content["shape"]))
        return math.prod(np.broadcast_shapes(*(_shape(numbers)[:-1] for numbers in content["data"].values())))
    return math.prod(_shape(values)[:-1])  # the last axis is that of the parameters


def _shape(numbers: Any) -> tuple[int, ...]:
    if isinstance(numbers, dict):
        return array_shape(numbers["__value__"])
    shape: list[int] = []
    while isinstance(numbers, list):
        shape.append(len(numbers))
        numbers = numbers[0] if numbers else None
    return tuple(shape)
