"""``ProgramPart``: one of the ``executor`` jobs that a ``run()`` becomes."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any

from ..exceptions import IBMInputValueError
from ..jobs.job_of_parts import MOST_PARTS
from ..jobs.request import MAX_TAGS, WrittenParams
from ..options.primitives import ExecutorOptions
from ..primitives.base import RunContext
from ..wire.expected import DecodeHints
from .executor import program_params
from .passed import PLACE
from .quantum_program import QuantumProgram

__all__ = ["ProgramPart", "run_params"]


@dataclass(frozen=True)
class ProgramPart:
    """One ``executor`` job of a ``run()``; a program has one number of shots for all its items, a ``run()`` may have several.

    Attributes:
        program: What to run, with its semantic role, and what its results are read by as ``passthrough_data``.
        options: The options of the job.
        pubs: Indices into the PUBs of ``run()``, in the order of the program's results.
    """

    program: QuantumProgram
    options: ExecutorOptions
    pubs: tuple[int, ...]


def run_params(parts: Sequence[ProgramPart], place: RunContext) -> tuple[WrittenParams, dict[str, Any]]:
    """Check and write the parts of a ``run()``; ``send`` makes one job of them, of program ``executor``.

    Where there are several, each carries its place among them, so that their results can be joined by whoever reads them.

    Args:
        parts: All of them, in the order in which they are to be sent.
        place: Where they will run.

    Raises:
        IBMInputValueError: One does not fit the backend or cannot be written, or there are too many; nothing was sent.
    """
    if len(parts) > MOST_PARTS:
        raise IBMInputValueError(
            f"This run() has {len(parts)} numbers of shots, each of which is a job; at most {MOST_PARTS} can be one."
        )
    written = []
    for number, part in enumerate(parts, 1):
        program = copy(part.program)
        if len(parts) > 1:
            position = {"part": number, "of": len(parts), "pubs": list(part.pubs)}
            program.passthrough_data = {**(program.passthrough_data or {}), PLACE: position}
        written.append(program_params(program, part.options, place))
    (first, envelope), *others = written
    if others and len(envelope.get("tags") or ()) >= MAX_TAGS:
        raise IBMInputValueError(
            f"A run() of several numbers of shots is several jobs, and the last of their {MAX_TAGS} tags finds them again: "
            f"give at most {MAX_TAGS - 1} job_tags, or one number of shots."
        )
    return WrittenParams(first, DecodeHints(), [params for params, _ in others]), envelope
