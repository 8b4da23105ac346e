"""``ProgramPart``: one of the ``executor`` jobs that a ``run()`` becomes."""

from __future__ import annotations

from dataclasses import dataclass

from ..options.primitives import ExecutorOptions
from .quantum_program import QuantumProgram

__all__ = ["ProgramPart"]


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
