"""Results of estimators, which can draw what was extrapolated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qiskit.primitives.containers import PubResult

from .._doors import LazyMethod

if TYPE_CHECKING:
    from ..visualization import zne


class EstimatorPubResult(PubResult):
    """The result of one PUB of an estimator."""

    _repr_html_ = LazyMethod("notebook.results:estimator_pub")

    if TYPE_CHECKING:
        draw_zne_evs = zne.draw_zne_evs
        draw_zne_extrapolators = zne.draw_zne_extrapolators
    else:
        draw_zne_evs = LazyMethod("visualization.zne:draw_zne_evs")
        draw_zne_extrapolators = LazyMethod("visualization.zne:draw_zne_extrapolators")
