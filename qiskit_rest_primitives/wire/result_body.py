"""Result bodies <-> ``PrimitiveResult``: which form a body is in, and the user's names for its registers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from qiskit.primitives.containers import PrimitiveResult

from . import jsonio, plain, samples, typed
from .expected import Expected, check_result
from .jsonio import DecodeError
from .registers import rename_registers

__all__ = ["DecodeError", "Expected", "dump_result", "load_document", "load_result", "rename_registers"]


def dump_result(result: PrimitiveResult[Any], *, support_qiskit: bool) -> bytes:
    """Write the body of ``GET /jobs/{id}/results`` (rest-api.md 4.11). Inverse: ``load_result``.

    Args:
        result: The result.
        support_qiskit: Write the tagged form (4.12) instead of the plain one. In both, the numbers JSON
            lacks are written as ``null`` (NaN) and ``"infinity"``.
    """
    document = typed.dump(result) if support_qiskit else plain.dump_result(result)
    return jsonio.dumps(document, spell_nonfinite=True)


def load_result(
    body: bytes | None, *, shapes: Sequence[tuple[int, ...]] | None = None, expected: Expected | None = None
) -> PrimitiveResult[Any]:
    """Read the body of ``GET /jobs/{id}/results``, in either form. Inverse of ``dump_result``.

    Args:
        body: The body as it came; None and the empty body of a 204 are errors.
        shapes: Shapes of the PUBs, if known; they settle what empty lists leave open.
        expected: All that is known of the job, shapes included.

    Raises:
        DecodeError: The body is no result; ``path`` names the spot.
    """
    expected = expected or Expected(shapes=shapes)
    result = load_document(body, shapes=expected.shapes)
    if not isinstance(result, PrimitiveResult):
        raise DecodeError(f"expected the result of a primitive, found {type(result).__name__}")
    check_result(result, expected)
    for pub in result:
        _restore_infinities(pub.metadata.get("resilience"))
    return result


def load_document(body: bytes | None, *, shapes: Sequence[tuple[int, ...]] | None = None) -> Any:
    """Read any result body: that of a primitive, or of another program (rest-api.md 4.7).

    Raises:
        DecodeError: The body is empty, no JSON, or malformed.
    """
    if not body:
        raise DecodeError("the body is empty: there is no result (yet)")
    if b'"__type__"' in body:
        return _load_parsed(typed.loads(body), shapes)
    try:
        return _load_parsed(samples.loads(body), shapes)
    except samples.UnusualTextError:
        return _load_parsed(jsonio.loads(body), shapes)


def _load_parsed(document: Any, shapes: Sequence[tuple[int, ...]] | None) -> Any:
    if document is None:
        raise DecodeError("the body is null: there is no result")
    if isinstance(document, dict) and "results" in document:
        return plain.load_result(document, shapes=shapes)
    return document


def _restore_infinities(metadata: Any) -> None:
    """Turn the word for an unbounded noise overhead into the number, in place (rest-api.md 4.14)."""
    if not isinstance(metadata, dict):
        return
    for key, value in metadata.items():
        if not key.endswith("noise_overhead"):
            _restore_infinities(value)
        elif isinstance(value, list):
            metadata[key] = [math.inf if item == "infinity" else item for item in value]
        elif value == "infinity":
            metadata[key] = math.inf
