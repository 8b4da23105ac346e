"""The progress display of whoever waits: with tqdm, in a terminal or a notebook, and nowhere else."""

from __future__ import annotations

import os
import sys
import time
import warnings
from collections import Counter
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from typing import Any

from .._locks import fork_safe_lock
from ..exceptions import IBMInputValueError
from .status import JobState

PROGRESS = "QISKIT_REST_PRIMITIVES_PROGRESS"
UNSEEN = 1.0
"""Seconds that jobs are waited for before a display that nobody asked for comes up."""

WIDTH = 100
"""Columns of a terminal that does not say how many it has."""

_ON = ("on", "1", "true", "yes")
_WORDS = ("auto", "off", "0", "false", "no", *_ON)
_ALONE = "{desc} [{elapsed}]"
_SEVERAL = "{desc} |{bar:20}| {n_fmt}/{total_fmt} [{elapsed}]"


class Display:
    """One line that says how the jobs stand that somebody waits for; a context manager that ends it.

    It comes up after so many seconds; without tqdm there is an ``ImportError``.
    """

    def __init__(self, name: str, *, delay: float = 0.0) -> None:
        self._name = name
        self._delay = delay
        self._start = time.monotonic()
        self._make = _bar_class()
        self._bar: Any = None

    def show(self, states: Sequence[JobState]) -> None:
        """Show these states of everything that is waited for."""
        waited = time.monotonic() - self._start
        if self._bar is None and waited < self._delay:
            return
        alone = len(states) == 1
        counted = Counter(state.lower() for state in states)
        said = states[0].describe() if alone else ", ".join(f"{n} {word}" for word, n in counted.items())
        line = f"{self._name}: {said}"
        if self._bar is None:
            form = _ALONE if alone else _SEVERAL
            ended = sum(state.final for state in states)
            self._bar = self._make(desc=line, total=len(states), initial=ended, bar_format=form, **_width())
            self._bar.start_t -= waited
        self._bar.n = sum(state.final for state in states)
        self._bar.set_description_str(line, refresh=False)
        self._bar.refresh()

    def __enter__(self) -> Display:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()


def _bar_class() -> Any:
    """Return tqdm's class for where this is, without the thread and the lock between processes that it comes with."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a notebook without ipywidgets gets the line of a terminal
            from tqdm.auto import tqdm
    except ImportError as cause:
        raise ImportError(
            "A progress display needs tqdm: pip install 'qiskit-rest-primitives[progress]'."
        ) from cause

    class Bar(tqdm):
        monitor_interval = 0
        _lock = fork_safe_lock()

    return Bar


def shows_progress(asked: bool | None) -> bool:
    """Tell whether whoever waits sees a progress display.

    None leaves it to the environment variable ``QISKIT_REST_PRIMITIVES_PROGRESS`` (``on``, ``off`` or ``auto``), and that by
    default to whether standard error is a terminal, or this is a notebook, and tqdm is installed.

    Raises:
        IBMInputValueError: The variable has another value.
    """
    if asked is not None:
        return asked
    word = os.environ.get(PROGRESS, "").strip().lower() or "auto"
    if word not in _WORDS:
        raise IBMInputValueError(f"{PROGRESS} is {word!r}; it can be on, off or auto.")
    if word != "auto":
        return word in _ON
    return (_in_terminal() or _in_notebook()) and _has_tqdm()


def _width() -> dict[str, Any]:
    """Return how wide tqdm is to write: as wide as the terminal is; it writes nothing to one that has no size."""
    try:
        known = _in_notebook() or min(os.get_terminal_size(sys.stderr.fileno())) > 0
    except (OSError, ValueError, AttributeError):
        known = False
    return {"dynamic_ncols": True} if known else {"ncols": WIDTH, "nrows": 2}


def _in_terminal() -> bool:
    try:
        return sys.stderr.isatty()
    except (AttributeError, ValueError):  # there is none, or it is closed
        return False


def _in_notebook() -> bool:
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return getattr(shell, "kernel", None) is not None


@cache
def _has_tqdm() -> bool:
    return find_spec("tqdm") is not None
