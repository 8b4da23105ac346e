"""Learning how measurements misread: all-zero states, twirled and measured (twirled readout, van den Berg et al., 2022)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np
from qiskit.circuit import QuantumCircuit
from qiskit.quantum_info import PauliList

from ..devices.noise import NoiseSource
from .layer_learning import Experiment, LearnedLayer, Protocol, averages, check_size
from .lindblad_fit import Decays, fit_rates
from .pauli_bases import Z

__all__ = ["learn_readout", "mock_readout"]

_FAINTEST = 1e-3
"""Least polarisation that is told from none: flips of more than half the shots cannot be a channel's."""

Pair = tuple[int, int]


def learn_readout(
    qubits: Sequence[int],
    pairs: Sequence[Pair],
    noise: NoiseSource | None,
    protocol: Protocol,
    random: np.random.Generator,
) -> LearnedLayer:
    """Learn the bit flips of measuring some qubits at the same time.

    Args:
        qubits: The device's qubits.
        pairs: Neighbours among them, by index in ``qubits``: whose joint flips the model has.
        noise: The noise of the device, as ``Device.noise``; None for none.
        protocol: ``randomizations`` and ``shots``; nothing is repeated, so ``depths`` do not matter.
        random: Source of everything random: equal states give equal results.

    Returns:
        The model: generators X on each qubit, then XX on each pair. Twirling makes both directions of misreading alike, so
        a qubit flips with their mean probability p, which is the rate ``-ln(1 - 2 p) / 2`` where no pair flips jointly.

    Raises:
        TaskFailed: The protocol asks for too many shots, or Aer fails.
    """
    width = len(qubits)
    check_size(Protocol((0, 1), protocol.randomizations, protocol.shots), width, protocol.randomizations)
    bases = np.full((protocol.randomizations, width), Z, dtype=np.int8)
    experiment = Experiment(QuantumCircuit(width), qubits, noise, bases)
    supports = _supports(width, pairs)
    read = [tuple((qubit, Z) for qubit in support) for support in supports]
    values, variances = averages([experiment.run(0, protocol.shots, random)], bases, read)
    polarisations = np.clip(values[:, 0], _FAINTEST, 1.0)
    overlaps = [[len(set(one) & set(other)) % 2 == 1 for other in supports] for one in supports]
    decays = Decays(-np.log(polarisations), np.sqrt(variances[:, 0]) / polarisations)
    rates, stds = fit_rates(np.array(overlaps, dtype=np.bool_), decays)
    return LearnedLayer(_flips(width, supports), rates, stds, protocol.randomizations)


def mock_readout(num_qubits: int, pairs: Sequence[Pair], random: np.random.Generator) -> LearnedLayer:
    """Return what ``learn_readout`` gives, of random rates, as a mock device answers (rest-api.md 3.9)."""
    supports = _supports(num_qubits, pairs)
    rates = random.uniform(0.0, 1e-2, size=len(supports))
    return LearnedLayer(_flips(num_qubits, supports), rates, np.zeros_like(rates), 0)


def _supports(num_qubits: int, pairs: Sequence[Pair]) -> list[tuple[int, ...]]:
    return list(chain(((qubit,) for qubit in range(num_qubits)), pairs))


def _flips(num_qubits: int, supports: Sequence[tuple[int, ...]]) -> PauliList:
    x = np.zeros((len(supports), num_qubits), dtype=np.bool_)
    for row, support in enumerate(supports):
        x[row, list(support)] = True
    return PauliList.from_symplectic(np.zeros_like(x), x)
