"""Noise passes that run code of the user's: kept in this process, and named in documents instead of sent.

A document that names one means something in this process only; whoever reads it elsewhere is told so.
"""

from __future__ import annotations

import re
from collections import deque
from typing import Any
from uuid import uuid4
from weakref import WeakValueDictionary

from ..._locks import fork_safe_lock

__all__ = ["held", "hold", "names_held"]

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


def held(key: str) -> Any:
    """Return a pass that is kept in this process.

    Raises:
        ValueError: There is none of that name.
    """
    found = _PASSES.get(key)
    if found is None:
        raise ValueError("it has a noise pass that runs code of its own, and is kept in another process")
    return found


def names_held(params: bytes) -> bool:
    """Tell whether the params of a job name a pass that is kept in this process, and so can run nowhere else."""
    return (
        bool(_PASSES)
        and b"held-pass-" in params
        and any(name.decode() in _PASSES for name in _NAME.findall(params))
    )
