"""How many shots twirling takes: so many randomisations of so many shots each (rest-api.md 4.2).

The server counts by it, and so does the client where it makes the randomisations itself.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MOST = 32
LEAST_SHOTS = 64
"""What "auto" stands for: at most 32 randomisations, each of at least 64 shots."""


@dataclass(frozen=True)
class Randomizations:
    """The two numbers of ``options.twirling``; None where they say "auto", or nothing."""

    number: int | None = None
    shots_each: int | None = None

    @classmethod
    def load(cls, twirling: Mapping[str, Any]) -> Randomizations:
        """Read them; other words than numbers mean "auto"."""
        number, each = twirling.get("num_randomizations"), twirling.get("shots_per_randomization")
        return cls(number if isinstance(number, int) else None, each if isinstance(each, int) else None)

    @property
    def product(self) -> int | None:
        """The shots that both numbers together ask for, None unless both are given."""
        return None if self.number is None or self.shots_each is None else self.number * self.shots_each

    def total(self, shots: int) -> int:
        """Return the shots of all randomisations, which win over ``shots`` where both numbers are given."""
        return self.product or math.prod(self.split(shots))

    def split(self, shots: int) -> tuple[int, int]:
        """Return number and shots of the randomisations that give at least ``shots`` together.

        Where both numbers are given and ask for other than ``shots``, the shots of each stay.
        """
        if self.shots_each is not None:
            return math.ceil(shots / self.shots_each), self.shots_each
        if self.number is not None:
            return self.number, math.ceil(shots / self.number)
        each = max(LEAST_SHOTS, math.ceil(shots / MOST))
        return math.ceil(shots / each), each
