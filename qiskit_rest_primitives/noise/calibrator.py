"""``Calibrator``: has the backend of a session calibrated."""

from __future__ import annotations

from ..exceptions import IBMInputValueError
from ..jobs.job import RuntimeJobV2
from ..options.noise_learner import CalibratorOptions
from ..primitives.base import Primitive
from ..primitives.submit import run_arguments, written_models
from ..results.calibrator import dump_order


class Calibrator(Primitive[CalibratorOptions]):
    """Calibrates the backend of a session, for the jobs of the session that follow.

    Args:
        mode: A Session, or None for the one of the enclosing ``with``.
        options: ``CalibratorOptions`` or a dict of them; they are copied.

    Raises:
        ValueError: If ``mode`` is nothing to run on.
        TypeError: If ``options`` is neither.
    """

    version = 1
    _options_class = CalibratorOptions

    def run(self) -> RuntimeJobV2:
        """Submit one job.

        Returns:
            The job; its result is a ``CalibratorResult``: from when to when it took.

        Raises:
            IBMInputValueError: If there is no session; nothing was sent.
            IBMRuntimeError: If the service refuses the job.
        """
        place, options = self._ready()
        if place.session is None:
            raise IBMInputValueError(
                "A calibration runs in a session only: make the Calibrator inside `with Session(backend=...):`, or "
                "give it mode=session."
            )
        wire = options.to_wire()
        return place.backend.service._run(
            **run_arguments(place, "calibrate", dump_order(written_models(wire.options)), wire.envelope)
        )
