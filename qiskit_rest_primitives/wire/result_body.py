"""Result bodies <-> objects: which form a body is in, each parsed once and made into one object."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

from qiskit.primitives.containers import PrimitiveResult

from . import jsonio, plain, samples, typed
from .expected import Build, DecodeHints, check_result
from .jsonio import DecodeError
from .registers import rename_registers

Read = Callable[[Any, bool], Any]
"""Takes a JSON document and whether there are tags in it."""


def dump_result(result: PrimitiveResult[Any], *, support_qiskit: bool) -> bytes:
    """Write the body of ``GET /jobs/{id}/results`` (rest-api.md 4.11). Inverse: ``load_result``.

    With ``support_qiskit`` it is the tagged form (4.12) instead of the plain one. In both, the numbers JSON lacks are written as
    ``null`` (NaN) and ``"infinity"``.
    """
    document = typed.dump(result) if support_qiskit else plain.dump_result(result)
    return jsonio.dumps(document, spell_nonfinite=True)


def load_result(
    body: bytes | None,
    hints: DecodeHints | None = None,
    *,
    program: str | None = None,
    build: Build = PrimitiveResult,
) -> Any:
    """Read the body of ``GET /jobs/{id}/results`` of a primitive's job, in either form. Inverse of ``dump_result``.

    Args:
        body: The body as it came; None and the empty body of a 204 are errors.
        hints: What is known of the job: the result is compared with it, and gets the user's names.
        program: ``sampler`` or ``estimator``; None if it is not known.
        build: Makes the result of its PUB results and its metadata, once they are checked and have their names.

    Returns:
        A ``PrimitiveResult``; what the body says if it is from before there were PUBs, when a result had one list for
        all its circuits (rest-api.md 7.3).

    Raises:
        DecodeError: The body is no such result; ``path`` names the spot.
    """
    hints = hints or DecodeHints()
    finish = partial(_finished, hints, program, build)
    result = _parsed(body, partial(_primitive, shapes=hints.shapes, build=finish))
    before_pubs = isinstance(result, dict) and ("quasi_dists" in result or "values" in result)
    if not before_pubs and not isinstance(result, PrimitiveResult):
        raise DecodeError(f"expected the result of a primitive, found {type(result).__name__}")
    return result


def load_answer(body: bytes | None) -> Any:
    """Read the body of ``GET /jobs/{id}/results`` of a job of any program without PUBs (rest-api.md 4.7).

    Returns:
        A ``NoiseLearnerV3Results``, a ``NoiseLearnerResult``, a ``CalibratorResult``, a ``QuantumProgramResult``, or
        what the body says.
    """
    return _parsed(body, lambda document, _: _answer(document))


def load_any(body: bytes | None) -> Any:
    """Read the body of any job, whose program is told by what the body holds; registers keep their names of the wire."""
    return _parsed(body, _any)


def _parsed(body: bytes | None, read: Read) -> Any:
    """Parse a body, leaving long texts where they stand in it, and read it."""
    if not body:
        raise DecodeError("the body is empty: there is no result (yet)")
    if b'"__type__"' in body:
        return read(_some(typed.parse(body)), True)
    try:
        return read(_some(samples.loads(body)), False)
    except samples.UnusualTextError:
        return read(_some(jsonio.loads(body)), False)


def _some(document: Any) -> Any:
    if document is None:
        raise DecodeError("the body is null: there is no result")
    return document


def _any(document: Any, tagged: bool) -> Any:
    # A Result of Qiskit as a dict, which circuit-runner gives, has results too, and the name of its backend.
    if (
        isinstance(document, dict)
        and "backend_name" not in document
        and isinstance(document.get("results"), list)
    ):
        return _primitive(document, tagged, build=partial(_finished, DecodeHints(), None, PrimitiveResult))
    return _answer(document)


def _primitive(document: Any, tagged: bool, *, build: Build, shapes: Any = None) -> Any:
    if tagged:
        document = typed.load(document, build=build)
    if isinstance(document, dict) and "results" in document:
        return plain.load_result(document, shapes=shapes, build=build)
    return document


def _finished(
    hints: DecodeHints, program: str | None, build: Build, pubs: list[Any], metadata: dict[str, Any]
) -> PrimitiveResult[Any]:
    """Make the result that was read, of what was read in either form."""
    check_result(pubs, hints, program=program)
    for pub in pubs:
        _restore_infinities(pub.metadata.get("resilience"))
    return build(pubs if hints.maps is None else rename_registers(pubs, hints.maps), metadata)


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


def _answer(document: Any) -> Any:
    """Read by form; the forms' classes are loaded when such a result is read, not with every sampler."""
    from ..results.calibrator import is_calibration, load_calibration
    from ..results.noise_learner_v3 import is_learned, load_learned
    from ..results.quantum_program import is_program_result, load_program_result
    from .noise_learning import is_layers, load_layers

    forms = (
        (is_learned, load_learned),
        (is_layers, load_layers),
        (is_calibration, load_calibration),
        (is_program_result, load_program_result),
    )
    return next((read for tells, read in forms if tells(document)), typed.load)(document)
