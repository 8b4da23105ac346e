"""Results of estimators, which can draw what was extrapolated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qiskit.primitives.containers import PubResult

__all__ = ["EstimatorPubResult"]

Index = tuple[int, ...]


class EstimatorPubResult(PubResult):
    """The result of one PUB of an estimator."""

    def draw_zne_evs(
        self,
        indices: Sequence[Index] | None = None,
        names: Sequence[str] | None = None,
        num_stds: int = 1,
        max_mag: float = 10,
        max_std: float = 0.2,
        height: int = 500,
        width: int = 1000,
        num_cols: int = 4,
        colorscale: str = "Aggrnyl",
    ) -> Any:
        """Draw one plot for each expectation value; see ``draw_zne_evs``."""
        from ..visualization.zne import draw_zne_evs

        return draw_zne_evs(
            self, indices, names, num_stds, max_mag, max_std, height, width, num_cols, colorscale
        )

    def draw_zne_extrapolators(
        self,
        indices: Sequence[Index] | None = None,
        names: Sequence[str] | None = None,
        num_stds: int = 1,
        max_mag: float = 10,
        max_std: float = 0.2,
        height: int = 500,
        width: int = 1000,
        colorscale: str = "Aggrnyl",
    ) -> Any:
        """Draw one plot for each extrapolator; see ``draw_zne_extrapolators``."""
        from ..visualization.zne import draw_zne_extrapolators

        return draw_zne_extrapolators(
            self, indices, names, num_stds, max_mag, max_std, height, width, colorscale
        )
