"""One line of a benchmark's table, and the table: on a terminal, as Markdown, as JSON.

A benchmark is a module whose ``rows()`` yields such lines; ``bench.py`` collects them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

HEAD = "| work | ours | beside | ratio | aim | limit | |\n|---|---|---|---|---|---|---|"


@dataclass(frozen=True)
class Row:
    """One line; the less, the better.

    Attributes:
        part: Which benchmark it is of.
        name: What is measured.
        ours: What it costs, in ``unit``.
        unit: For instance ``ms``.
        peer_name: What stands beside it, measured in the same run; None without.
        peer: What that costs.
        limit: What it cannot cost less than, where that is known.
        aim: The largest ratio of ours to the peer that is aimed at.
        note: What else there is to say.
    """

    part: str
    name: str
    ours: float
    unit: str
    peer_name: str | None = None
    peer: float | None = None
    limit: float | None = None
    aim: float | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """How often ours holds the peer; None without one."""
        return self.ours / self.peer if self.peer else None

    @property
    def met(self) -> bool | None:
        """Whether the aim is met; None without one."""
        return None if self.aim is None or self.ratio is None else self.ratio <= self.aim

    def cells(self) -> list[str]:
        """Return what stands in the columns of the table."""
        beside = "" if self.peer is None else f"{self.peer_name}: {number(self.peer)} {self.unit}"
        aim = "" if self.aim is None else f"{number(self.aim)}{'' if self.met else ', missed'}"
        return [
            self.name,
            f"{number(self.ours)} {self.unit}",
            beside,
            "" if self.ratio is None else number(self.ratio),
            aim,
            "" if self.limit is None else f"{number(self.limit)} {self.unit}",
            self.note,
        ]


def number(value: float) -> str:
    """Write a number with three digits that count."""
    if value and abs(value) < 0.001:
        return f"{value:.1e}"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def markdown(rows: Iterable[Row]) -> str:
    """Return the rows of one part as a table in Markdown."""
    return "\n".join([HEAD, *(f"| {' | '.join(row.cells())} |" for row in rows)])


def show(rows: Iterable[Row]) -> None:
    """Print rows as they come."""
    print(HEAD)
    for row in rows:
        print(f"| {' | '.join(row.cells())} |", flush=True)


def dumped(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return rows as JSON values, with what follows of them; inverse: ``loaded``."""
    return [{**asdict(row), "ratio": row.ratio, "met": row.met} for row in rows]


def loaded(values: Iterable[dict[str, Any]]) -> list[Row]:
    """Return rows; inverse: ``dumped``."""
    return [
        Row(**{name: item for name, item in value.items() if name not in ("ratio", "met")})
        for value in values
    ]
