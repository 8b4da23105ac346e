"""Which Pauli bases to measure in, so that every pair of neighbours sees all nine combinations of theirs.

Their number does not grow with the qubits: nine do wherever four colours suffice, as on any lattice of a device
(van den Berg et al., Nature Physics 19, 1116, 2023).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
import rustworkx
from numpy.typing import NDArray

X, Y, Z = 0, 1, 2
"""The letters of a basis."""

Pair = tuple[int, int]


def covering_bases(num_qubits: int, pairs: Sequence[Pair]) -> NDArray[np.int8]:
    """Return bases in which the letters of every pair take all nine values.

    Args:
        num_qubits: How many qubits there are.
        pairs: Neighbours, by number of the qubit.

    Returns:
        Letters, shape (bases, num_qubits); nine bases if the greedy colouring of the pairs needs four colours at most.
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
