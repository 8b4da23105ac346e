"""Emulated measurement level 1: classified bits spread over the IQ plane (options.execution.meas_type).

The service returns integrated readout signals, one complex number per bit. Here a bit is drawn first, as in a
classified run, readout error included, and then placed at the centre of its state with Gaussian noise around it.
The centres and the spread are those of no particular device; states are told apart by the sign of the real part,
wrongly in about one of 31000 cases, so that a kerneled run agrees with a classified one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["CENTRES", "SPREAD", "signals"]

CENTRES = (-1.0 + 0.5j, 1.0 + 0.5j)
"""Mean signal of a qubit read as 0 and as 1, arbitrary units."""

SPREAD = 0.25
"""Standard deviation of the signal in each of the two directions."""


def signals(bits: NDArray[np.uint8], random: np.random.Generator) -> NDArray[np.complex128]:
    """Return one signal per bit.

    Args:
        bits: 0 or 1, any shape.
        random: Source of the spread.

    Returns:
        Complex array of the shape of ``bits``.
    """
    centres = np.where(bits == 1, CENTRES[1], CENTRES[0])
    noise = random.standard_normal((*bits.shape, 2)) * SPREAD
    return centres + noise[..., 0] + 1j * noise[..., 1]
