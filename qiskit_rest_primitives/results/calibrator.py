"""What a ``calibrate`` job is given and what it answers: options, and from when to when it took (rest-api.md 4.7)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from .._calls import even_half_made
from .._time import format_time, parse_time
from ..wire.jsonio import DecodeError

VERSION = "v0.1"


class CalibratorResult:
    """When a device was calibrated.

    Args:
        start: Beginning, in UTC.
        stop: End, in UTC.
    """

    def __init__(self, start: datetime, stop: datetime) -> None:
        self.start = start
        self.stop = stop

    @even_half_made
    def __repr__(self) -> str:
        return f"<{type(self).__name__}(start='{self.start}', stop='{self.stop}')>"


def dump_order(experimental: Mapping[str, Any]) -> dict[str, Any]:
    """Write the params of a job from its experimental options. Inverse: ``load_order``."""
    return {"schema_version": VERSION, "options": {"experimental": dict(experimental)}}


def load_order(params: Any) -> dict[str, Any]:
    """Read the experimental options of a job. Inverse of ``dump_order``."""
    if not isinstance(params, Mapping):
        raise DecodeError("expected an object")
    if params.get("schema_version") != VERSION:
        raise DecodeError(f"must be {VERSION}", "$.schema_version")
    options = params.get("options")
    if not isinstance(options, Mapping):
        raise DecodeError("expected an object", "$.options")
    experimental = options.get("experimental")
    if not isinstance({} if experimental is None else experimental, Mapping):
        raise DecodeError("expected an object", "$.options.experimental")
    return dict(experimental or {})


def dump_calibration(result: CalibratorResult) -> dict[str, Any]:
    """Write a result as ``GET /jobs/{id}/results`` answers it. Inverse: ``load_calibration``."""
    return {
        "schema_version": VERSION,
        "start": format_time(result.start),
        "stop": format_time(result.stop),
    }


def is_calibration(document: Any) -> bool:
    """Tell whether a decoded JSON value is the result of a calibration."""
    return isinstance(document, Mapping) and {"schema_version", "start", "stop"} <= set(document)


def load_calibration(document: Any) -> CalibratorResult:
    """Read a result. Inverse of ``dump_calibration``."""
    if not isinstance(document, Mapping) or document.get("schema_version") != VERSION:
        raise DecodeError(f"expected the result of a calibration: schema_version {VERSION}, start and stop")
    times = {name: parse_time(document.get(name)) for name in ("start", "stop")}
    start, stop = times["start"], times["stop"]
    if start is None or stop is None:
        raise DecodeError("expected a time", f"$.{'stop' if start else 'start'}")
    return CalibratorResult(start, stop)
