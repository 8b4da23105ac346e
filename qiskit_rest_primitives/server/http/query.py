"""Reading query parameters, each wrong value refused with 400 and the parameter's name."""

from __future__ import annotations

from starlette.requests import Request

from ..._time import parse_time
from .errors import bad_request


def boolean(request: Request, name: str, default: bool | None) -> bool | None:
    """Read ``true`` or ``false`` in any case (the official client writes ``True`` too)."""
    text = request.query_params.get(name)
    if text is None:
        return default
    if text.lower() not in ("true", "false"):
        raise bad_request(f"Query parameter {name!r} must be true or false.")
    return text.lower() == "true"


def integer(request: Request, name: str, default: int) -> int:
    """Read a whole number."""
    text = request.query_params.get(name)
    if text is None:
        return default
    try:
        return int(text)
    except ValueError as error:
        raise bad_request(f"Query parameter {name!r} must be a whole number.") from error


def offset(request: Request) -> int:
    """Read how many entries of a list to leave out; more than the database can count to are refused, too."""
    value = integer(request, "offset", 0)
    if not 0 <= value < 2**63:
        raise bad_request("Query parameter 'offset' must not be negative, and less than 2**63.")
    return value


def moment(request: Request, name: str) -> float | None:
    """Read an ISO-8601 time as seconds since the epoch; a ``+`` that arrived as a space is understood."""
    text = request.query_params.get(name)
    if text is None:
        return None
    time = parse_time(text.strip().replace(" ", "+") if "T" in text else text)
    if time is None:
        raise bad_request(f"Query parameter {name!r} must be an ISO-8601 time.")
    return time.timestamp()


def word(request: Request, name: str, allowed: tuple[str, ...], default: str) -> str:
    """Read one of a few words, in any case."""
    text = request.query_params.get(name, default)
    for candidate in allowed:
        if text.lower() == candidate.lower():
            return candidate
    raise bad_request(f"Query parameter {name!r} must be one of {', '.join(allowed)}.")
