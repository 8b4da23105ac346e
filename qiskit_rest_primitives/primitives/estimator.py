"""``EstimatorV2``: expectation values of observables."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from qiskit.primitives import BaseEstimatorV2
from qiskit.primitives.containers import EstimatorPubLike
from qiskit.primitives.containers.estimator_pub import EstimatorPub

from .._calls import explained
from ..options.primitives import EstimatorOptions, final_estimator_options
from ..wire.pubs import dump_estimator_pub
from .base import PubPrimitive
from .pubs import check_precision, read_estimator_pubs
from .submit import check_device, check_mitigation, submit_pubs

if TYPE_CHECKING:
    from ..jobs.job import RuntimeJobV2

_SERVICE_PRECISION: float = EstimatorOptions._entries["default_precision"].service


class EstimatorV2(PubPrimitive[EstimatorOptions], BaseEstimatorV2):
    """Estimator that runs on a service.

    Args:
        mode: A backend for single jobs, a Session or Batch, or None for the session of the enclosing
            ``with``.
        options: ``EstimatorOptions`` or a dict of them; they are copied.

    Raises:
        ValueError: If ``mode`` is nothing to run on.
        TypeError: If ``options`` is neither.
    """

    _options_class, _pub_class = EstimatorOptions, EstimatorPub

    @property
    def default_precision(self) -> float:
        """The precision of PUBs that give none: of the options, else the service's 0.015625 (4096 shots)."""
        shots, precision = self._options.default_shots, self._options.default_precision
        if isinstance(shots, int) and shots > 0:
            return 1 / math.sqrt(shots)
        return precision if isinstance(precision, (int, float)) else _SERVICE_PRECISION

    def finalize_options(self) -> EstimatorOptions:
        """Return a copy of the options in which what is left to the service is decided as the service does.

        These are the switches of twirling and of mitigation, which ``resilience_level`` decides. Mitigation that
        needs twirling turns it on, with a warning where ``twirling`` had turned it off.
        """
        return final_estimator_options(self._options)

    @explained(
        positional="circuit, observables and values stand together in a PUB, as in estimator.run([(circuit, observables, "
        "values)]), and precision is given by name, as in estimator.run(pubs, precision=0.01).",
        missing="give a list of PUBs, as in estimator.run([(circuit, observables)]).",
        circuits="circuits stand in PUBs, as in estimator.run([(circuit, observables)]).",
        observables="observables stand in PUBs, as in estimator.run([(circuit, observables)]).",
        parameter_values="values of parameters stand in PUBs, as in estimator.run([(circuit, observables, values)]).",
        shots="an estimator has a precision, as in estimator.run(pubs, precision=0.01); or set options.default_shots.",
        backend="say where to run when the primitive is made, as in EstimatorV2(mode=backend).",
    )
    def run(
        self, pubs: Iterable[EstimatorPubLike], *, precision: float | None = None, dry_run: bool = False
    ) -> RuntimeJobV2:
        """Submit one job.

        Args:
            pubs: Tuples ``(circuit, observables, parameter_values, precision)`` of which the last two can
                be left out; observables and values broadcast as in NumPy. Circuits must fit the backend
                (transpiled), unless it is a simulator, and observables have their width.
            precision: Precision (standard error) of the PUBs that give none; then the options'.
            dry_run: Have the job checked and timed by the mock twin of the backend; values are random.

        Returns:
            The job; its result holds one PubResult per PUB, with arrays ``evs`` and ``stds``.

        Raises:
            IBMInputValueError: If a PUB is malformed or does not fit the backend; nothing was sent.
            IBMRuntimeError: If the service refuses the job.
        """
        place, options = self._ready()
        check_precision(self.default_precision, "options.default_precision")
        read = read_estimator_pubs(pubs, precision)
        check_mitigation(place.backend, options)
        check_device(read, place.backend, options)
        return submit_pubs("estimator", read, place, options, dump_estimator_pub, dry_run=dry_run)
