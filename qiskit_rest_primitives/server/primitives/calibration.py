"""The program ``calibrate``, which is over at once: an emulated device has nothing to calibrate (rest-api.md 4.7)."""

from __future__ import annotations

from typing import Any

from ..._time import now
from ...results.calibrator import CalibratorResult, dump_calibration, load_order
from ...wire import jsonio
from ..job_errors import ParamsError

__all__ = ["check_order", "run_calibration"]


def check_order(params: Any) -> dict[str, Any]:
    """Check the params of a job, and return its experimental options; none of them has an effect.

    Raises:
        ParamsError: They have another form.
    """
    try:
        return load_order(params)
    except jsonio.DecodeError as cause:
        raise ParamsError(f"params: {cause}") from cause


def run_calibration() -> bytes:
    """Run a job: from now to now."""
    start = now()
    return jsonio.dumps(dump_calibration(CalibratorResult(start, now())))
