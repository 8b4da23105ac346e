"""From the text of a result to objects: the own decoding, and that of decoder classes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any, ClassVar

from qiskit.primitives import BitArray, PrimitiveResult, PubResult, SamplerPubResult

from ..results.estimator_pub import EstimatorPubResult
from ..results.execution_spans import ExecutionSpans
from ..wire import result_body
from ..wire.expected import DecodeHints
from .status import has_pubs


def decode(body: bytes, program: str | None, hints: DecodeHints) -> Any:
    """Decode a result body, once, into one object.

    That is what ``load_result`` gives for sampler and estimator jobs, and ``load_answer`` for those of other programs; a result
    of ``executor`` gets the form of the primitive that made the program. Raises a ``ValueError`` for what cannot be read.
    """
    if has_pubs(program):
        return result_body.load_result(body, hints, program=program, build=with_all_metadata)
    answer = result_body.load_answer(body)
    return _post_processed(answer, hints) if program == "executor" else answer


def _post_processed(answer: Any, hints: DecodeHints) -> Any:
    """Give the result of a quantum program its form; what does that is loaded when there is one."""
    if getattr(answer, "_semantic_role", None) is None:
        return answer
    from ..executor.decoding import decode_program_result

    return decode_program_result(answer, with_all_metadata, hints)


def with_all_metadata(pubs: list[PubResult], metadata: dict[str, Any]) -> PrimitiveResult[Any]:
    """Give the metadata of samplers and estimators the same keys, where the service leaves some out (docs/compatibility.md).

    Results of estimators get their own class, which can draw; on the wire they are just results.

    The shots of a sampler PUB are those of its samples; what the other keys would tell is not known: None or empty.
    """
    pubs = [
        pub if isinstance(pub, SamplerPubResult) else EstimatorPubResult(pub.data, pub.metadata)
        for pub in pubs
    ]
    for pub in pubs:
        if isinstance(pub, SamplerPubResult):
            for samples in pub.data.values():
                if isinstance(samples, BitArray):
                    pub.metadata.setdefault("shots", samples.num_shots)
        for key in ("shots", "target_precision", "num_randomizations"):
            pub.metadata.setdefault(key, None)
        for key in ("circuit_metadata", "resilience"):
            pub.metadata.setdefault(key, {})
    metadata.setdefault("version", 2)
    execution = metadata.setdefault("execution", {})
    if isinstance(execution, dict):
        execution.setdefault("execution_spans", ExecutionSpans([]))
    return PrimitiveResult(pubs, metadata)


class ResultDecoder:
    """Decodes results; derive from it for a ``decoder`` of ``job.result()``."""

    @classmethod
    def is_applicable(cls, data: Any) -> bool:
        """Tell whether this decoder reads such data: text, and nothing that was decoded before."""
        return isinstance(data, (str, bytes))

    @classmethod
    def decode(cls, data: str | bytes) -> Any:
        """Decode a result.

        Args:
            data: The body of ``GET /jobs/{id}/results``.

        Returns:
            A ``PrimitiveResult`` for sampler and estimator jobs, registers named as on the wire; a
            ``QuantumProgramResult`` for executor jobs, a ``NoiseLearnerV3Results`` or ``CalibratorResult`` for those of
            their programs; what the body says for others.

        Raises:
            DecodeError: It cannot be read; a ValueError.
        """
        return result_body.load_any(data.encode() if isinstance(data, str) else data)


class ExecutorResultDecoder(ResultDecoder):
    """Reads results of quantum programs and leaves them raw, whatever made the program."""

    @classmethod
    def decode(cls, raw_result: str | bytes) -> Any:
        """Decode a result; as ``ResultDecoder.decode``."""
        return super().decode(raw_result)


class BaseClientSideResultDecoder(ResultDecoder):
    """Gives the result of a quantum program, once it is read, the form of the primitive that made the program."""

    SEMANTIC_ROLE: ClassVar[str] = ""
    """What such a primitive calls itself in its programs."""

    @classmethod
    def is_applicable(cls, data: Any) -> bool:
        """Tell whether it is such a result, read, with this role."""
        return getattr(data, "_semantic_role", None) == cls.SEMANTIC_ROLE

    @classmethod
    def decode(cls, result: Any) -> Any:
        """Give it that form.

        Raises:
            DecodeError: It is not what its role says, or what reads it is not installed.
        """
        return _post_processed(result, DecodeHints())


class ClientSideSamplerResultDecoder(BaseClientSideResultDecoder):
    """Gives results of samplers their form."""

    SEMANTIC_ROLE = "sampler_v2"


class ClientSideEstimatorDecoder(BaseClientSideResultDecoder):
    """Gives results of estimators their form."""

    SEMANTIC_ROLE = "estimator_v2"


class ClientSideNoiseLearnerResultDecoder(BaseClientSideResultDecoder):
    """Gives results of noise learners their form."""

    SEMANTIC_ROLE = "noise_learner_v3"


DEFAULT_DECODERS: dict[str, list[type[ResultDecoder]]] = {
    **{
        program: [ResultDecoder]
        for program in (
            "sampler",
            "estimator",
            "noise-learner",
            "circuit-runner",
            "qasm3-runner",
            "calibrate",
        )
    },
    "executor": [
        ExecutorResultDecoder,
        ClientSideSamplerResultDecoder,
        ClientSideEstimatorDecoder,
        ClientSideNoiseLearnerResultDecoder,
    ],
}
"""Program -> what reads its results, each what the one before gave; the first tells forms apart by what they hold."""


def apply_decoders(body: bytes, decoders: Any) -> Any:
    """Apply the caller's decoder classes to the text of a result, each to what the one before gave."""
    chain = decoders if isinstance(decoders, Sequence) else [decoders]
    text = body.decode("utf-8")
    return reduce(
        lambda value, decoder: (
            decoder.decode(value) if getattr(decoder, "is_applicable", lambda _: True)(value) else value
        ),
        chain,
        text,
    )
