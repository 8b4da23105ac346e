"""The mathematics of learning a Pauli-Lindblad model: in which bases to measure, and what the decays say (van den Berg et al., Nature Physics 19, 1116, 2023)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import rustworkx
from numpy.typing import NDArray

X, Y, Z = 0, 1, 2
"""The letters of a basis."""

Pair = tuple[int, int]


def covering_bases(num_qubits: int, pairs: Sequence[Pair]) -> NDArray[np.int8]:
    """Return bases in which the letters of every pair of neighbours, by number of the qubit, take all nine values.

    Returns:
        Letters, shape (bases, num_qubits); nine bases if the greedy colouring of the pairs needs four colours at most, as on
        any lattice of a device.
    """
    graph = rustworkx.PyGraph(multigraph=False)
    graph.add_nodes_from(range(num_qubits))
    graph.add_edges_from_no_data(list(pairs))
    colours = rustworkx.graph_greedy_color(graph)
    columns = _orthogonal_columns(1 + max(colours.values(), default=0))
    return np.stack([columns[colours[qubit]] for qubit in range(num_qubits)], axis=1)


def _orthogonal_columns(count: int) -> list[NDArray[np.int8]]:
    """Return columns of letters of which any two, row by row, take all nine values equally often.

    Rows are the points of a space over the three-element field, columns its linear forms up to a factor: no two
    of them are dependent, so every pair of values is taken.
    """
    size = 2
    while (3**size - 1) // 2 < count:
        size += 1
    points = np.array(list(product(range(3), repeat=size)))
    forms = [form for form in product(range(3), repeat=size) if next((x for x in form if x), 0) == 1]
    return [(points @ np.array(form) % 3).astype(np.int8) for form in forms[:count]]


Reals = NDArray[np.float64]
Switches = NDArray[np.bool_]

SLOWEST, FASTEST = 1e-6, 20.0
"""Decays per step between which one is told from none, and from one that is over at once."""
_GRID = 161
_ROUNDS = 5
_FAINT = 1e-3


@dataclass(frozen=True)
class Decays:
    """What ``fit_decays`` finds, one number per operator.

    Attributes:
        rates: ``-ln f``, at least 0.
        stds: Their standard errors.
    """

    rates: Reals
    stds: Reals


def fit_decays(depths: Reals, values: Reals, variances: Reals) -> Decays:
    """Fit ``A f^d`` with ``0 < f <= 1`` to each row by least squares.

    For a given f the best A is known, so one number is left to search: on a logarithmic grid, then on finer ones.

    Args:
        depths: Shape (depths,), at least two of them different.
        values: Measured expectation values, shape (operators, depths).
        variances: Of the values, same shape.
    """
    low, high = np.full(len(values), np.log(SLOWEST)), np.full(len(values), np.log(FASTEST))
    best = low
    for _ in range(_ROUNDS):
        grid = np.linspace(low, high, _GRID)
        gains = np.array([_explained(np.exp(row), depths, values) for row in grid])
        chosen = gains.argmax(axis=0)
        best = np.take_along_axis(grid, chosen[None], axis=0)[0]
        step = (high - low) / (_GRID - 1)
        low, high = best - step, best + step
    rates = np.where(
        _explained(np.zeros(len(values)), depths, values) >= gains.max(axis=0), 0.0, np.exp(best)
    )
    return Decays(rates, _errors(rates, depths, values, variances))


def _explained(rates: Reals, depths: Reals, values: Reals) -> Reals:
    """Return by how much the best ``A >= 0`` lowers the sum of squares."""
    model = np.exp(-np.outer(rates, depths))
    overlap = np.clip((values * model).sum(axis=1), 0.0, None)
    found: Reals = overlap**2 / np.maximum((model**2).sum(axis=1), 1e-300)
    return found


def _errors(rates: Reals, depths: Reals, values: Reals, variances: Reals) -> Reals:
    """Return the standard errors of the rates, to first order in those of the values."""
    model = np.exp(-np.outer(rates, depths))
    norm = np.maximum((model**2).sum(axis=1), 1e-300)
    height = np.maximum((values * model).sum(axis=1) / norm, _FAINT)
    # Slope of the model in its rate, without what a change of A makes up for.
    slope = -height[:, None] * depths * model
    slope = slope - model * ((slope * model).sum(axis=1) / norm)[:, None]
    size = np.maximum((slope**2).sum(axis=1), 1e-30)
    errors: Reals = np.sqrt((slope**2 * variances).sum(axis=1)) / size
    return errors


def fit_rates(anticommute: Switches, decays: Decays) -> tuple[Reals, Reals]:
    """Return the non-negative rates whose model decays as measured, and their standard errors.

    Args:
        anticommute: Whether a measured operator (row) anticommutes with a generator (column).
        decays: The decays of the operators for one application of the noise: an operator decays by twice the sum of
            the rates of the generators that it anticommutes with.

    Returns:
        Rates and standard errors, one per generator. Errors count every operator as measured on its own; a rate at
        the bound has the error of a free one.
    """
    from scipy.optimize import nnls  # a server that never learns does not wait for scipy

    design = 2.0 * anticommute.astype(np.float64)
    rates, _ = nnls(design, decays.rates, maxiter=max(1000, 30 * design.shape[1]))
    inverse = np.linalg.pinv(design)
    errors: Reals = np.sqrt(inverse**2 @ decays.stds**2)
    return rates, errors
