"""Which Pauli terms are measured together: qubit-wise commuting groups, and what each observable takes from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Observable = Mapping[str, float]
"""One weighted sum of Pauli labels, leftmost letter = highest qubit."""

Support = dict[int, str]


@dataclass(frozen=True)
class Group:
    """Terms that one measurement setting serves.

    Attributes:
        basis: Letter (X, Y or Z) of each measured qubit; qubits ascending.
        masks: Which of the measured qubits enter each term, shape (terms, qubits), 0 or 1.
        weights: Coefficient of each term in each observable, shape (observables, terms).
    """

    basis: tuple[tuple[int, str], ...]
    masks: NDArray[np.uint8]
    weights: NDArray[np.float64]

    @cached_property
    def qubits(self) -> tuple[int, ...]:
        """The measured qubits, ascending."""
        return tuple(qubit for qubit, _ in self.basis)

    @cached_property
    def all_signs(self) -> NDArray[np.float64]:
        """The signs of all outcomes, in the order of their numbers; for few qubits."""
        numbers = np.arange(1 << len(self.basis))
        return self.signs(numbers[:, np.newaxis] >> np.arange(len(self.basis)) & 1)

    def signs(self, bits: NDArray[np.integer]) -> NDArray[np.float64]:
        """Return +1 or -1 of each term, shape (outcomes, terms), for outcomes of shape (outcomes, qubits)."""
        return 1.0 - 2.0 * (bits @ self.masks.T & 1)


@dataclass(frozen=True)
class Plan:
    """How to estimate some observables.

    Attributes:
        offsets: Sum of the identity coefficients of each observable, shape (observables,).
        groups: The measurement settings.
    """

    offsets: NDArray[np.float64]
    groups: tuple[Group, ...]


def make_plan(observables: Sequence[Observable], *, certain: frozenset[int] = frozenset()) -> Plan:
    """Group the terms of some observables greedily, terms on many qubits first, so that the same input gives the same plan.

    A Z on a qubit that is ``certain`` to read 0 without error is left out, because it is exactly +1.
    """
    offsets = np.zeros(len(observables))
    terms: dict[tuple[tuple[int, str], ...], dict[int, float]] = {}
    for index, observable in enumerate(observables):
        for label, weight in observable.items():
            support = tuple(
                (qubit, letter)
                for qubit, letter in enumerate(reversed(label))
                if letter != "I" and not (letter == "Z" and qubit in certain)
            )
            if support:
                column = terms.setdefault(support, {})
                column[index] = column.get(index, 0.0) + float(np.real(weight))
            else:
                offsets[index] += float(np.real(weight))
    found: list[tuple[Support, list[tuple[tuple[int, str], ...]]]] = []
    for support in sorted(terms, key=lambda term: (-len(term), term)):
        _place(found, support)
    groups = tuple(_group(basis, members, terms, len(observables)) for basis, members in found)
    return Plan(offsets, groups)


def _place(
    found: list[tuple[Support, list[tuple[tuple[int, str], ...]]]], support: tuple[tuple[int, str], ...]
) -> None:
    for basis, members in found:
        if all(basis.get(qubit, letter) == letter for qubit, letter in support):
            basis.update(support)
            members.append(support)
            return
    found.append((dict(support), [support]))


def _group(
    basis: Support,
    members: Sequence[tuple[tuple[int, str], ...]],
    terms: Mapping[tuple[tuple[int, str], ...], Mapping[int, float]],
    num_observables: int,
) -> Group:
    ordered = tuple(sorted(basis.items()))
    place = {qubit: index for index, (qubit, _) in enumerate(ordered)}
    masks = np.zeros((len(members), len(ordered)), dtype=np.uint8)
    weights = np.zeros((num_observables, len(members)))
    for row, support in enumerate(members):
        for qubit, _ in support:
            masks[row, place[qubit]] = 1
        for index, weight in terms[support].items():
            weights[index, row] = weight
    return Group(ordered, masks, weights)
