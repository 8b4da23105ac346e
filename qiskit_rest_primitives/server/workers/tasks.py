"""What worker processes do: run jobs, and transpile."""

from __future__ import annotations

import contextlib
import json

from ..devices.device import Device, load_device
from ..job_errors import INVALID, TaskFailed
from ..primitives import registry
from ..primitives.jobs import JobOutput
from . import transpilation

__all__ = ["TRANSPILE", "execute", "warm_up"]

TRANSPILE = "transpile"
"""Stands for a transpilation where other tasks name their program."""

LARGEST_RESULT = 500_000_000
"""Bytes. The server holds a result whole, and SQLite takes none of a gigabyte."""

_FIRST = 'OPENQASM 3.0; include "stdgates.inc"; bit[1] c; qubit[1] q; x q[0]; c[0] = measure q[0];'


def warm_up() -> None:
    """Do what only the first task has to do, such as to load readers and Aer, so that it is not charged for it."""
    with contextlib.suppress(TaskFailed):  # without a reader for this text, there is one thing less to load
        execute("sampler", json.dumps({"pubs": [[_FIRST, None, 1]]}).encode(), load_device("aer_simulator"))


def execute(
    program_id: str, params: bytes | registry.JobParams, device: Device, *, seed: int | None = None
) -> JobOutput:
    """Do one task; see ``primitives.registry.execute`` and ``transpilation.execute``.

    Raises:
        TaskFailed: See there; or the result is larger than a server can keep.
    """
    if program_id == TRANSPILE and isinstance(params, bytes):
        outcome = transpilation.execute(params, device)
    else:
        outcome = registry.execute(program_id, params, device, seed=seed)
    if len(outcome.body) > LARGEST_RESULT:
        raise TaskFailed(
            f"The result has {len(outcome.body)} bytes, more than the {LARGEST_RESULT} that this server keeps.",
            INVALID,
            "Use fewer shots or parameter sets, or split the job.",
        )
    return outcome
