"""Where the qubits of a device are drawn."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from qiskit.providers import BackendV2
from qiskit.transpiler import CouplingMap

Place = tuple[int, int]


class Embedding:
    """The places of qubits on a plane, and which of them are coupled.

    Args:
        coordinates: (row, column) of each qubit; row 0 is at the top.
        coupling_map: The couplings.

    Raises:
        ValueError: A coupling is of a qubit that has no place.
    """

    def __init__(
        self, coordinates: Sequence[Place], coupling_map: Iterable[tuple[int, int]] | CouplingMap
    ) -> None:
        edges = list(coupling_map)
        if any(qubit >= len(coordinates) for edge in edges for qubit in edge):
            raise ValueError(
                f"The coupling map has other qubits than the {len(coordinates)} that have a place."
            )
        self._coordinates = list(coordinates)
        self._coupling_map = coupling_map if isinstance(coupling_map, CouplingMap) else CouplingMap(edges)

    @classmethod
    def from_backend(cls, backend: BackendV2) -> Embedding:
        """Return where the qubits of a device are, which is known by their number.

        Raises:
            ValueError: There is no map of so many qubits, or the device has no coupling map.
        """
        if not backend.coupling_map:
            raise ValueError(f"{backend.name} has no coupling map.")
        places = _PLACES.get(backend.num_qubits) or _in_rows(backend.num_qubits)
        if places is None:
            raise ValueError(
                f"Where the {backend.num_qubits} qubits of {backend.name} are is not known: give an Embedding of their "
                "coordinates."
            )
        return cls(places, backend.coupling_map)

    @property
    def coordinates(self) -> list[Place]:
        """(row, column) of each qubit."""
        return self._coordinates

    @property
    def coupling_map(self) -> CouplingMap:
        """The couplings."""
        return self._coupling_map


def _in_rows(count: int) -> list[Place] | None:
    if count not in _ROWS:
        return None
    places = [(row, column) for row, columns in enumerate(_ROWS[count]) for column in columns]
    return sorted(places, key=lambda place: place[::-1]) if count in _BY_COLUMN else places


def _hexagons(width: int, first: int, count: int) -> list[Iterable[int]]:
    """Return rows of full width, each but the last followed by the bridges to the next: every fourth column."""
    bridges = [range(first, width, 4), range((first + 2) % 4, width, 4)]
    return [row for index in range(count) for row in (range(width), bridges[index % 2])]


_ROWS: dict[int, list[Iterable[int]]] = {
    7: [range(3), [1], range(3)],
    16: [[3], range(7), [1, 5], range(1, 6), [3]],
    20: [range(5)] * 4,
    27: [[3, 7], range(10), [1, 5, 9], range(1, 11), [3, 7]],
    28: [range(2, 7), [2, 6], range(9), [0, 4, 8], range(9)],
    53: [range(2, 7), [2, 6], *_hexagons(9, 0, 4)],
    65: [range(10), *_hexagons(11, 0, 4)[1:], range(1, 11)],
    120: [range(10)] * 12,
    127: [range(14), *_hexagons(15, 0, 6)[1:], range(1, 15)],
    133: _hexagons(15, 0, 7),
    156: [*_hexagons(16, 3, 7), range(16)],
}
"""Number of qubits -> the columns that each row has qubits in."""

_BY_COLUMN = (16, 27)
"""Devices whose qubits are counted column by column."""

_PLACES: dict[int, list[Place]] = {
    5: [(1, 0), (0, 1), (1, 1), (1, 2), (2, 1)],
    15: [*((0, column) for column in range(7)), *((1, column) for column in range(7, -1, -1))],
}
"""Devices whose qubits are counted in yet another way."""


def positions(size: int, pairs: Sequence[tuple[int, ...]]) -> NDArray[np.float64]:
    """Place qubits so that their distances are those along the couplings, as well as the plane permits.

    Classical multidimensional scaling of the distances, which finds lines, rings and lattices, and then some steps of stress
    majorization, which evens out the rest.

    Args:
        size: Number of qubits.
        pairs: Which are coupled.

    Returns:
        Shape (size, 2), float64; coupled qubits are about 1 apart.
    """
    far = _distances(size, pairs)
    centred = -0.5 * far**2
    centred -= centred.mean(axis=0) + centred.mean(axis=1)[:, None] - centred.mean()
    values, vectors = np.linalg.eigh(centred)
    places = vectors[:, -2:] * np.sqrt(np.maximum(values[-2:], 1e-9))
    # A line has no second axis; what is not on it may lie beside it.
    places += np.array([[0.0, 1e-3 * (index % 7)] for index in range(size)])
    weights = 1 / np.maximum(far, 1) ** 2
    np.fill_diagonal(weights, 0)
    total = weights.sum(axis=1)[:, None]
    for _ in range(30):
        apart = places[:, None] - places[None, :]
        length = np.maximum(np.linalg.norm(apart, axis=2), 1e-6)
        places = ((weights * far / length)[:, :, None] * apart + weights[:, :, None] * places[None, :]).sum(
            axis=1
        ) / total
    return np.asarray(places[:, ::-1])


def _distances(size: int, pairs: Sequence[tuple[int, ...]]) -> NDArray[np.float64]:
    """Return the numbers of couplings between qubits; what is not connected is a bit further than the longest way."""
    near = np.zeros((size, size), dtype=bool)
    for one, other in pairs:
        near[one, other] = near[other, one] = True
    far = np.where(np.eye(size, dtype=bool), 0.0, np.inf)
    reached = np.eye(size, dtype=bool)
    steps = 0
    while True:
        steps += 1
        further = (reached.astype(np.float32) @ near.astype(np.float32) > 0) & np.isinf(far)
        if not further.any():
            break
        far[further] = steps
        reached = further
    far[np.isinf(far)] = steps + 1
    return far
