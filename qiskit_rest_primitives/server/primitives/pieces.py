"""What a large Sampler PUB is run in: pieces, each with a time of its own, so that programs can see a job progress.

IBM's service runs large PUBs in such pieces too, and says when each was taken (rest-api.md 4.13).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from qiskit.primitives.containers import BitArray, DataBin, SamplerPubResult
from qiskit.primitives.containers.bindings_array import BindingsArray
from qiskit.primitives.containers.sampler_pub import SamplerPub

from .delays import put_together

__all__ = ["Piece", "joined", "most_pieces", "pieces_of"]

MOST = 8
"""Pieces of a PUB."""
LEAST_RUNS = 4
"""Fewest parameter sets, or randomizations, of a piece: what each piece costs besides is then small in comparison."""
LEAST_EXECUTIONS = 64
"""Fewest shots of a piece, all its parameter sets together."""
SHOTS = 50_000
"""As many shots of one parameter set without twirling make a piece."""


@dataclass(frozen=True)
class Piece:
    """Part of a PUB.

    Attributes:
        pub: What to run, of one flat axis, or of the shape of the whole where only the shots are fewer.
        sets: Which of the parameter sets of the whole, counted through its flat shape.
        shots: Which of its shots.
    """

    pub: SamplerPub
    sets: slice
    shots: slice


def most_pieces(runs: int) -> int:
    """Return into how many pieces parameter sets, or randomizations, are split if they have shots enough."""
    return max(1, min(MOST, runs // LEAST_RUNS))


def pieces_of(pub: SamplerPub, *, randomizations: int, along_shots: bool) -> list[Piece]:
    """Split a PUB along its parameter sets; one of a single set, along its shots.

    Args:
        pub: The whole.
        randomizations: How many its shots are taken in; 1 without twirling.
        along_shots: Whether fewer shots at a time cost no more.
    """
    sets, shots = pub.parameter_values.size, pub.shots
    if sets > 1:
        count = min(most_pieces(sets), sets * shots // LEAST_EXECUTIONS)
    elif sets and along_shots:
        count = min(MOST, max(shots // SHOTS, min(most_pieces(randomizations), shots // LEAST_EXECUTIONS)))
    else:
        count = 1
    if count <= 1:
        return [Piece(pub, slice(0, sets), slice(0, shots))]
    ends = np.linspace(0, sets if sets > 1 else shots, count + 1).astype(int).tolist()
    if sets == 1:
        return [
            Piece(
                SamplerPub(pub.circuit, pub.parameter_values, stop - start), slice(0, 1), slice(start, stop)
            )
            for start, stop in pairwise(ends)
        ]
    order = list(pub.circuit.parameters)
    names = tuple(parameter.name for parameter in order)
    table = pub.parameter_values.as_array(order).reshape(sets, len(order))
    pieces = []
    for start, stop in pairwise(ends):
        values = BindingsArray({names: table[start:stop]} if names else {}, shape=(stop - start,))
        pieces.append(Piece(SamplerPub(pub.circuit, values, shots), slice(start, stop), slice(0, shots)))
    return pieces


def joined(
    pub: SamplerPub, pieces: Sequence[Piece], found: Sequence[SamplerPubResult], *, randomizations: int
) -> SamplerPubResult:
    """Return the result of a whole PUB, whose shots were taken in so many randomizations, from those of its pieces."""
    if len(pieces) == 1:
        return found[0]
    data = [result.data for result in found]
    if pieces[0].sets == pieces[1].sets:
        fields = {name: _one_after_another([one[name] for one in data]) for name in data[0]}
    else:
        rows = [np.arange(piece.sets.start, piece.sets.stop) for piece in pieces]
        fields = put_together(data, rows, pub.shape)
    metadata = {**found[0].metadata, "shots": pub.shots}
    if "num_randomizations" in metadata:
        metadata["num_randomizations"] = randomizations
    return SamplerPubResult(DataBin(**fields, shape=pub.shape), metadata)


def _one_after_another(bits: Sequence[BitArray]) -> BitArray:
    return BitArray(np.concatenate([one.array for one in bits], axis=-2), bits[0].num_bits)
