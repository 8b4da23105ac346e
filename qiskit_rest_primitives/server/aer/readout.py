"""Readout error of an Estimator's measurements, its symmetrisation by twirling, and its mitigation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..devices.noise import Flips, NoiseSource

LEAST_CONTRAST = 0.02
"""A readout whose contrast, 1 - p(1|0) - p(0|1), is below this is left unmitigated: it would only amplify noise."""


class Readout:
    """What reading a qubit does to an outcome.

    Args:
        noise: Where the readout errors come from; None reads perfectly.
        symmetric: Measurement twirling is on: a random bit flip before and after each reading makes both
            errors of a qubit equal to their average.
        mitigated: Divide each expectation value by the factor that symmetric readout errors leave of it, as
            TREX does with a learned factor. Here the factor is known, so learning adds no error of its own.
    """

    def __init__(self, noise: NoiseSource | None, *, symmetric: bool, mitigated: bool = False) -> None:
        self.noise = noise
        self.symmetric = symmetric
        self.mitigated = mitigated

    def flips(self, qubit: int) -> Flips:
        """Return (probability of reading 1 in state 0, of reading 0 in state 1) as measured in this job."""
        if self.noise is None:
            return 0.0, 0.0
        false_one, missed_one = self.noise.flips(qubit)
        if self.symmetric:
            return ((false_one + missed_one) / 2,) * 2
        return false_one, missed_one

    def apply_assignment(self, table: NDArray[np.float64], qubits: Sequence[int]) -> NDArray[np.float64]:
        """Multiply outcome probabilities by the assignment matrices of the qubits.

        Args:
            table: Shape (sets, 2**qubits), first qubit least significant.
            qubits: The device qubits.

        Returns:
            A table of the same shape.
        """
        if self.noise is None:
            return table
        shape = table.shape
        for index, qubit in enumerate(qubits):
            false_one, missed_one = self.flips(qubit)
            if false_one or missed_one:
                split = table.reshape(shape[0], -1, 2, 2**index)
                zero, one = split[:, :, 0], split[:, :, 1]
                table = np.stack(
                    [(1 - false_one) * zero + missed_one * one, false_one * zero + (1 - missed_one) * one],
                    axis=2,
                )
        return table.reshape(shape)

    def misread(
        self, outcomes: NDArray[np.int64], qubits: Sequence[int], random: np.random.Generator
    ) -> NDArray[np.int64]:
        """Return outcomes of shots as they are read.

        Args:
            outcomes: Shape (shots,), first qubit least significant; left as they are.
            qubits: The device qubits.
            random: Source of the errors.
        """
        for place, qubit in enumerate(qubits):
            false_one, missed_one = self.flips(qubit)
            if false_one or missed_one:
                rates = np.where(outcomes >> place & 1, missed_one, false_one)
                outcomes = outcomes ^ ((random.random(len(outcomes)) < rates).astype(np.int64) << place)
        return outcomes

    def factors(self, masks: NDArray[np.uint8], qubits: Sequence[int]) -> NDArray[np.float64]:
        """Return what each term of a group is multiplied with, shape (terms,); ones without mitigation."""
        if self.noise is None or not self.mitigated:
            return np.ones(len(masks))
        contrasts = np.array([1.0 - sum(self.flips(qubit)) for qubit in qubits])
        contrasts[np.abs(contrasts) < LEAST_CONTRAST] = 1.0
        return 1.0 / np.prod(np.where(masks == 1, contrasts, 1.0), axis=1)
