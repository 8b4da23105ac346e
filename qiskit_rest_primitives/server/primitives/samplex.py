"""Drawing the values of a randomised circuit from the samplex that came with it (rest-api.md 4.7).

The drawing is done by the package ``samplomatic`` (extra ``executor``); without it such items are refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...wire.quantum_program import load_noise_map
from ..job_errors import INVALID, TaskFailed

__all__ = ["PARAMETER_VALUES", "draw"]

PARAMETER_VALUES = "parameter_values"
"""Name of the drawn values of the circuit's parameters; the other names are results of the job."""

MISSING = (
    "This server cannot draw from a samplex, because the package samplomatic is not installed with it. "
    "Items of type 'circuit' run."
)


def draw(
    text: str, arguments: Mapping[str, Any], shape: tuple[int, ...], random: np.random.Generator
) -> tuple[dict[str, NDArray[Any]], tuple[int, ...]]:
    """Draw one randomisation for every element of an item.

    Args:
        text: The samplex as JSON.
        arguments: Its arguments: arrays and numbers, which may have axes in front that are swept, and
            Pauli-Lindblad maps as documents.
        shape: Of the item. Axes along which no argument changes count randomisations.
        random: Source of the randomisations.

    Returns:
        Arrays of shape ``(*shape, ...)`` by name, ``PARAMETER_VALUES`` among them if the circuit has parameters,
        and the shape.

    Raises:
        TaskFailed: The package is missing, the samplex cannot be read, or the arguments do not fit it.
    """
    try:
        from samplomatic.serialization import samplex_from_json
    except ImportError as cause:
        raise TaskFailed(
            MISSING, INVALID, "Install qiskit-rest-primitives[executor] where the server runs."
        ) from cause
    try:
        samplex = samplex_from_json(text).finalize()
        interface = samplex.inputs().make_broadcastable()
        for name, value in arguments.items():
            interface[name] = _argument(value)
        return _drawn(samplex, interface, shape, random)
    except (KeyboardInterrupt, SystemExit, MemoryError, TaskFailed):
        raise
    except BaseException as cause:
        # A damaged samplex fails anywhere, and the compiled parts report it as panics, which are no Exception.
        raise TaskFailed(f"The samplex cannot be used: {_line(cause)}", INVALID) from cause


def _drawn(
    samplex: Any, interface: Any, shape: tuple[int, ...], random: np.random.Generator
) -> tuple[dict[str, NDArray[Any]], tuple[int, ...]]:
    swept = interface.shape
    whole = np.broadcast_shapes(shape, swept)
    # 1 where the arguments do not change: those axes are filled by one call.
    steps = (1,) * (len(whole) - len(swept)) + swept
    inner = tuple(size if step == 1 else 1 for size, step in zip(whole, steps, strict=True))
    count = int(np.prod(inner, dtype=np.int64))
    drawn: dict[str, NDArray[Any]] = {}
    if 0 in whole:
        return drawn, whole
    for place in np.ndindex(*steps):
        one = interface[place[len(steps) - len(swept) :]]
        found = samplex.sample(one, num_randomizations=count, rng=random)
        window = tuple(
            slice(None) if step == 1 else slice(at, at + 1) for at, step in zip(place, steps, strict=True)
        )
        for name, values in dict(found).items():
            if name not in drawn:
                drawn[name] = np.empty((*whole, *values.shape[1:]), dtype=values.dtype)
            drawn[name][window] = values.reshape(*inner, *values.shape[1:])
    return drawn, whole


def _argument(value: Any) -> Any:
    if isinstance(value, Mapping):
        return load_noise_map(value)
    return value


def _line(cause: BaseException) -> str:
    return (str(cause).strip().splitlines() or [type(cause).__name__])[0][:200]
