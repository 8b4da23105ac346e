"""Results of programs that have no PUBs, told apart by what they hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import jsonio, typed

__all__ = ["load_answer"]


def load_answer(body: bytes) -> Any:
    """Read the body of ``GET /jobs/{id}/results`` of a job of any program without PUBs.

    Returns:
        A ``NoiseLearnerV3Results``, a ``NoiseLearnerResult``, a ``CalibratorResult``, a ``QuantumProgramResult``, or what the body says.

    Raises:
        DecodeError: It cannot be read.
    """
    document = jsonio.loads(body)
    return next((read for tells, read in _forms() if tells(document)), typed.load)(document)


def _forms() -> tuple[tuple[Callable[[Any], bool], Callable[[Any], Any]], ...]:
    """Return the forms; their classes are loaded when such a result is read, not with every sampler."""
    from ..results.calibrator import is_calibration, load_calibration
    from ..results.learned_noise import is_learned, load_learned
    from ..results.program_result import is_program_result, load_program_result
    from .learned_layers import is_layers, load_layers

    return (
        (is_learned, load_learned),
        (is_layers, load_layers),
        (is_calibration, load_calibration),
        (is_program_result, load_program_result),
    )
