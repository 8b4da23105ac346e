"""What a large Sampler PUB is run in: pieces, each with a time of its own, so that programs can see a job progress.

IBM's service runs large PUBs in such pieces too, and says when each was taken (rest-api.md 4.13).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

import numpy as np
from qiskit.primitives.containers import BitArray, DataBin, PubResult, SamplerPubResult
from qiskit.primitives.containers.bindings_array import BindingsArray
from qiskit.primitives.containers.sampler_pub import SamplerPub

from ...results.execution_spans import DoubleSliceSpan, ExecutionSpan, TwirledSliceSpanV2
from ...wire.durations import put_together

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
    """Some parameter sets of a PUB, or some of its shots.

    Attributes:
        pub: What to run, of one flat axis, or of the shape of the whole where only the shots are fewer.
        sets: Which of the parameter sets of the whole, counted through its flat shape.
    """

    pub: SamplerPub
    sets: slice
    shots: slice


def most_pieces(runs: int) -> int:
    """Return into how many pieces parameter sets, or randomizations, are split if they have shots enough."""
    return max(1, min(MOST, runs // LEAST_RUNS))


def pieces_of(pub: SamplerPub, *, randomizations: tuple[int, int], along_shots: bool) -> list[Piece]:
    """Split a PUB along its parameter sets; one of a single set, along its shots, but never inside a randomization.

    ``randomizations`` is how many its shots are taken in, and the shots of each; without twirling, one of all shots.
    ``along_shots`` says whether fewer shots at a time cost no more.
    """
    number, each = randomizations
    sets, shots = pub.parameter_values.size, pub.shots
    if sets > 1:
        count = min(most_pieces(sets), sets * shots // LEAST_EXECUTIONS)
    elif sets and along_shots:
        count = min(MOST, max(shots // SHOTS, min(most_pieces(number), shots // LEAST_EXECUTIONS)))
    else:
        count = 1
    if count <= 1:
        return [Piece(pub, slice(0, sets), slice(0, shots))]
    if sets == 1:
        step = each if number > 1 else 1
        ends = (
            np.linspace(0, math.ceil(shots / step), min(count, math.ceil(shots / step)) + 1).astype(int)
            * step
        )
        return [
            Piece(
                SamplerPub(pub.circuit, pub.parameter_values, stop - start), slice(0, 1), slice(start, stop)
            )
            for start, stop in pairwise(np.minimum(ends, shots).tolist())
        ]
    ends = np.linspace(0, sets, count + 1).astype(int)
    order = list(pub.circuit.parameters)
    names = tuple(parameter.name for parameter in order)
    table = pub.parameter_values.as_array(order).reshape(sets, len(order))
    pieces = []
    for start, stop in pairwise(ends.tolist()):
        values = BindingsArray({names: table[start:stop]} if names else {}, shape=(stop - start,))
        pieces.append(Piece(SamplerPub(pub.circuit, values, shots), slice(start, stop), slice(0, shots)))
    return pieces


def span_of(
    piece: Piece,
    place: int,
    whole: SamplerPub,
    randomizations: tuple[int, int] | None,
    times: tuple[datetime, datetime],
) -> ExecutionSpan:
    """Say when a piece of the PUB with the number ``place`` was begun and done, as the service does (rest-api.md 4.13).

    ``randomizations`` are those of ``pieces_of``; None without twirling.
    """
    if randomizations is None:
        return DoubleSliceSpan(*times, {place: ((*whole.shape, whole.shots), piece.sets, piece.shots)})
    number, each = randomizations
    first, last, shots = 0, number, slice(0, each)
    if number == 1:
        shots = piece.shots
    elif piece.shots != slice(0, whole.shots):
        first, last = piece.shots.start // each, math.ceil(piece.shots.stop / each)
    runs = slice(piece.sets.start * number + first, (piece.sets.stop - 1) * number + last)
    return TwirledSliceSpanV2(
        *times, {place: ((*whole.shape, number, each), False, runs, shots, whole.shots)}
    )


def joined(
    pub: SamplerPub, pieces: Sequence[Piece], found: Sequence[PubResult], *, randomizations: int
) -> PubResult:
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
