"""Results of quantum programs -> what the primitive gives that made the program: one table, by role and version.

A client-side primitive names itself in the program's ``semantic_role``, and in ``passthrough_data.post_processor.version``
how its results are to be read (ibm-quantum-schemas 0.13, qiskit-ibm-runtime 0.51).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

from qiskit.primitives.containers import PubResult

from ..jobs.joining import RUN
from ..results.quantum_program import QuantumProgramResult
from ..wire.expected import Build, DecodeHints
from ..wire.jsonio import DecodeError
from .passed import DATA, POST_PROCESSOR, PlaceOfPart, place_in_run

Decoded = tuple[list[PubResult], dict[str, Any]]
"""The results of the PUBs, and the metadata of the whole: what a ``PrimitiveResult`` is made of."""


def _sampler(result: QuantumProgramResult, hints: DecodeHints) -> Decoded:
    from .sampler_results import sampler_pubs

    place = place_in_run(result.passthrough_data, len(result))
    return _placed(*sampler_pubs(result, place), place, hints)


def _estimator(result: QuantumProgramResult, hints: DecodeHints) -> Decoded:
    from .empty_pubs import with_empty
    from .estimator_results import estimator_pubs

    pubs, metadata = estimator_pubs(result)
    place = place_in_run(result.passthrough_data, len(pubs))
    pubs, place = with_empty(pubs, place, result.passthrough_data)
    return _placed(pubs, metadata, place, hints)


def _placed(
    pubs: list[PubResult], metadata: dict[str, Any], place: PlaceOfPart, hints: DecodeHints
) -> Decoded:
    """Return results as those of PUBs, with metadata that say which part of a ``run()`` they are, if it is not all."""
    if place.of > 1:
        metadata = {**metadata, RUN: {"part": place.part, "of": place.of, "pubs": place.whole}}
    found = place.joined(pubs)
    for index, pub in zip(place.whole, found, strict=True):
        if hints.maps is not None and index < len(hints.maps):
            # In the process that submitted the job also what has no form to be sent in.
            pub.metadata["circuit_metadata"] = copy.deepcopy(hints.maps[index].metadata)
    return found, metadata


def _noise_learner(result: QuantumProgramResult, hints: DecodeHints) -> Any:
    del hints
    from .learner_results import learned_noise

    return learned_noise(result)


DECODERS: dict[tuple[str, str], Callable[[QuantumProgramResult, DecodeHints], Any]] = {
    ("sampler_v2", "v0.1"): _sampler,
    ("estimator_v2", "v0.1"): _estimator,
    ("noise_learner_v3", "v0.1"): _noise_learner,
}
"""(semantic role, version of the post-processor) -> what reads such results, leaving them as they are."""

_RAW = "job.result(decoder=ResultDecoder), of qiskit_rest_primitives.decoders, gives the arrays themselves."


def decode_program_result(
    result: QuantumProgramResult, build: Build, hints: DecodeHints | None = None
) -> Any:
    """Give a result the form that its program was made for.

    Args:
        result: Of an ``executor`` job, by anybody's client.
        build: Makes a result of those of PUBs and the metadata of the whole.
        hints: Maps of the PUBs of the ``run()`` hold the metadata of their circuits, if they are known.

    Returns:
        What ``build`` makes, or a ``NoiseLearnerV3Results``; the result itself if its program names no primitive, or one
        that leaves nothing to be done: that is what its author's client gives, too.

    Raises:
        DecodeError: Nothing here reads results of that role and version, what reads them is not installed, or the
            result is not what its role says; ``path`` names the spot.
    """
    role = result._semantic_role
    if role is not None and not isinstance(role, str):
        raise DecodeError(f"expected text or null, found {type(role).__name__}", "$.semantic_role")
    passed = result.passthrough_data if isinstance(result.passthrough_data, Mapping) else {}
    settings = passed.get("post_processor")
    version = settings.get("version") if isinstance(settings, Mapping) else None
    if role is None or (version is None and role not in {known for known, _ in DECODERS}):
        return result
    read = DECODERS.get((role, version)) if isinstance(version, str) else None
    if read is None:
        known = ", ".join(f"{name} {number}" for name, number in DECODERS)
        raise DecodeError(
            f"nothing here reads results of semantic_role {role!r} with version {version!r} of their post-processor "
            f"(known: {known}). {_RAW}",
            f"{POST_PROCESSOR}.version" if isinstance(settings, Mapping) else POST_PROCESSOR,
        )
    try:
        found = read(result, hints or DecodeHints())
    except ImportError as cause:
        raise DecodeError(f"{cause}. {_RAW}", DATA) from cause
    return build(*found) if isinstance(found, tuple) else found
