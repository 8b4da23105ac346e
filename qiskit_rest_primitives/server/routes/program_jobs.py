"""Jobs that run programs, at their submission: which program is meant.

What lives here: telling a program from a primitive. What does not: the envelope (``submission``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..primitives.run_options import PROGRAMS
from ..programs.own_programs import OLD_INPUTS
from ..programs.shelf import Program, ProgramShelf

__all__ = ["program_of"]


def program_of(values: Mapping[str, Any], shelf: ProgramShelf, instance: str) -> Program | None:
    """Return the program that a submission asks for; None if it is a primitive, or nothing that is known.

    Args:
        values: The envelope.
        shelf: The programs.
        instance: CRN of the instance that submits.
    """
    name, params = values.get("program_id"), values.get("params")
    if not isinstance(name, str):
        return None
    given = params if isinstance(params, dict) else {}
    if name in PROGRAMS and not (name in OLD_INPUTS and "circuits" in given and "pubs" not in given):
        return None
    return shelf.find(name, instance)
