"""What worker processes do: run jobs, and transpile.

What lives here: which of the two. What does not: either.
"""

from __future__ import annotations

from . import engine, transpilation
from .devices import Device

__all__ = ["TRANSPILE", "execute"]

TRANSPILE = "transpile"
"""Stands for a transpilation where other tasks name their program."""


def execute(program_id: str, params: bytes, device: Device, *, seed: int | None = None) -> engine.Outcome:
    """Do one task; see ``engine.execute`` and ``transpilation.execute``."""
    if program_id == TRANSPILE:
        return transpilation.execute(params, device)
    return engine.execute(program_id, params, device, seed=seed)
