"""What shall go wrong on purpose: faults, and plans of them as JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, get_args

Kind = Literal["answer", "maintenance", "delay", "queue", "drop", "reset", "lose", "truncate"]
KINDS: tuple[str, ...] = get_args(Kind)
MOST_SECONDS = 86_400
BODILESS = (204, 205, 304)
"""Statuses whose answers have no body."""


@dataclass(frozen=True)
class Fault:
    """One fault, for the requests that it matches.

    Attributes:
        kind: ``answer``: say something else without doing anything; ``maintenance``: for ``seconds`` from the first hit,
            answer 503 to every request that matches; ``delay``: answer later; ``queue``: do what is asked, but let a
            job that is submitted stay queued; ``drop``: close the connection without doing anything; ``reset``: the
            same, and the client sees a reset; ``lose``: do what is asked, then close the connection; ``truncate``:
            answer, but close the connection in the middle of the body.
        method: Verb to match; None for all.
        path: Regular expression that the path as sent must contain.
        skip: How many matching requests pass before the first fault.
        times: How many requests are hit (of ``maintenance``: how many times there is one); None for all.
        probability: Of each matching request, that it is hit; drawn by the seed of the plan.
        status: Of ``answer``.
        headers: Of ``answer`` and ``maintenance``, e.g. ``{"Retry-After": "1"}``.
        body: Of ``answer``; without one, it is the service's error envelope.
        seconds: Of ``delay``, ``queue`` and ``maintenance``.
        jitter: Up to so many seconds more, of ``delay`` and ``queue``.
    """

    kind: Kind
    method: str | None = None
    path: str = ""
    skip: int = 0
    times: int | None = 1
    probability: float = 1.0
    status: int = 503
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    seconds: float = 0.0
    jitter: float = 0.0

    def matches(self, method: str, path: str) -> bool:
        """Whether the fault is meant for a request."""
        return self.method in (None, method) and re.search(self.path, path) is not None


@dataclass(frozen=True)
class FaultPlan:
    """Faults in the order in which they are looked at, and the seed of what is drawn."""

    faults: tuple[Fault, ...] = ()
    seed: int = 0


def load_faults(text: str) -> FaultPlan:
    """Read a plan: a JSON list of objects with the attributes of ``Fault``, or ``{"seed": N, "faults": [...]}``."""
    try:
        plan = json.loads(text.removeprefix("\ufeff"))
    except RecursionError as cause:
        raise ValueError("The fault plan is nested too deeply.") from cause
    if isinstance(plan, list):
        plan = {"faults": plan}
    if not isinstance(plan, dict) or not set(plan) <= {"seed", "faults"}:
        raise ValueError("A fault plan is a JSON list of objects, or an object with 'faults' and 'seed'.")
    entries, seed = plan.get("faults"), plan.get("seed", 0)
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ValueError("The faults of a fault plan are a JSON list of objects.")
    if not _whole(seed):
        raise ValueError("The seed of a fault plan must be a whole number.")
    return FaultPlan(tuple(_fault(f"$[{index}]", entry) for index, entry in enumerate(entries)), seed)


def _fault(where: str, entry: Mapping[str, Any]) -> Fault:
    known = {item.name for item in fields(Fault)}
    if unknown := sorted(set(entry) - known):
        raise ValueError(f"{where} has unknown keys: {', '.join(unknown)}.")
    if "kind" not in entry:
        raise ValueError(f"{where}.kind is missing.")
    for name, value in entry.items():
        good, wanted = _RULES[name]
        if not good(value):
            raise ValueError(f"{where}.{name} must be {wanted}.")
    fault = Fault(**entry)
    if fault.body and fault.status in BODILESS:
        raise ValueError(f"{where}.body: an answer with status {fault.status} has none.")
    return fault


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _between(value: Any, least: float, most: float) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and least <= value <= most


def _pattern(value: Any) -> bool:
    try:
        re.compile(value)
    except (TypeError, re.error, OverflowError, RecursionError):
        return False
    return isinstance(value, str)


def _headers(value: Any) -> bool:
    """Tell whether headers stay what they are: no name and no value can end a line, or say where the body ends."""
    return isinstance(value, dict) and all(
        _TOKEN.fullmatch(name)
        and name.lower() not in _FRAMING
        and isinstance(text, str)
        and _VALUE.fullmatch(text)
        for name, text in value.items()
    )


def _storable(value: Any) -> bool:
    return isinstance(value, str) and value == value.encode("utf-8", "replace").decode()


_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_VALUE = re.compile(r"[\x20-\x7e\xa0-\xff\t]*")
_VERB = re.compile("[A-Z]+")
_FRAMING = ("content-length", "transfer-encoding")
_SECONDS: tuple[Callable[[Any], object], str] = (
    lambda value: _between(value, 0, MOST_SECONDS),
    f"a number from 0 to {MOST_SECONDS}",
)
_RULES: dict[str, tuple[Callable[[Any], object], str]] = {
    "kind": (lambda value: value in KINDS, f"one of {', '.join(KINDS)}"),
    "method": (
        lambda value: value is None or (isinstance(value, str) and _VERB.fullmatch(value)),
        "a verb or null",
    ),
    "path": (_pattern, "a regular expression"),
    "skip": (_whole, "a whole number"),
    "times": (lambda value: value is None or _whole(value), "a whole number or null"),
    "probability": (lambda value: _between(value, 0, 1), "a number from 0 to 1"),
    "status": (lambda value: _whole(value) and 200 <= value <= 599, "an HTTP status"),
    "headers": (
        _headers,
        "an object of texts of one line, in Latin-1; Content-Length and Transfer-Encoding follow from the body",
    ),
    "body": (_storable, "a text of valid Unicode"),
    "seconds": _SECONDS,
    "jitter": _SECONDS,
}
