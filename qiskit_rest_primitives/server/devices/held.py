"""Noise passes that run code of the user's: kept in this process, and named in documents instead of sent.

A document that names one means something in this process only; whoever reads it elsewhere is told so.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping
from typing import Any
from uuid import uuid4
from weakref import WeakValueDictionary

from ..._locks import fork_safe_lock
from ...qasm.noise_model import load_passes, passes_in
from ..job_errors import ParamsError

__all__ = ["check_held", "held", "hold", "names_held"]

_NAME = re.compile(rb"held-pass-[0-9a-f]{32}")

MOST = 1024
"""How many passes are kept besides those that devices keep; each is a few bytes, and what its function refers to."""

_PASSES: WeakValueDictionary[str, Any] = WeakValueDictionary()
"""Documented cache: the passes by their names."""
_KEPT: deque[Any] = deque(maxlen=MOST)
"""Documented cache: the last passes, so that jobs which are waiting find them."""
_LOCK = fork_safe_lock()


def hold(one: Any) -> str:
    """Keep a pass, and return its name: always the same one for the same object."""
    with _LOCK:
        for key, known in _PASSES.items():
            if known is one:
                return key
        key = f"held-pass-{uuid4().hex}"
        _PASSES[key] = one
        _KEPT.append(one)
        return key


def held(entry: Mapping[str, Any]) -> Any:
    """Return the pass that an entry of a document names, which is kept in this process.

    Raises:
        ValueError: There is none of that name.
    """
    found = _PASSES.get(str(entry.get("key")))
    if found is None:
        raise ValueError(
            f"its noise pass {str(entry.get('name'))[:200]} runs code of its own and is kept in another process: submit the "
            "job to a simulator there, mode=AerSimulator(...)"
        )
    return found


def check_held(params: Mapping[str, Any]) -> None:
    """Refuse params whose noise model has a pass that is kept in another process, before their job waits for its turn.

    Raises:
        ParamsError: It has one; the text names it.
    """
    options = params.get("options")
    for place in (("simulator",), ("experimental", "simulator")):
        model = options
        for name in (*place, "noise_model"):
            model = model.get(name) if isinstance(model, Mapping) else None
        kept = [entry for entry in passes_in(model) if entry.get("type") == "held"]
        try:
            load_passes(kept, held)
        except ValueError as cause:
            path = ".".join(("params.options", *place, "noise_model"))
            raise ParamsError(f"{path} cannot be simulated: {cause}.") from cause


def names_held(params: bytes) -> bool:
    """Tell whether the params of a job name a pass that is kept in this process, and so can run nowhere else."""
    return (
        bool(_PASSES)
        and b"held-pass-" in params
        and any(name.decode() in _PASSES for name in _NAME.findall(params))
    )
