"""``ResultDecoder``: from the text of a result to objects, for code that fetches results by itself."""

from __future__ import annotations

from typing import Any

from ..wire import jsonio, result_body
from ..wire.program_bodies import load_answer

__all__ = ["DEFAULT_DECODERS", "ResultDecoder"]


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
        body = data.encode() if isinstance(data, str) else data
        document = jsonio.loads(body)
        # A Result of Qiskit as a dict, which circuit-runner gives, has results too, and the name of its backend.
        primitive = isinstance(document, dict) and "backend_name" not in document
        if primitive and isinstance(document.get("results"), list):
            return result_body.load_result(body)
        return load_answer(body)


DEFAULT_DECODERS: dict[str, list[type[ResultDecoder]]] = {
    program: [ResultDecoder]
    for program in (
        "sampler",
        "estimator",
        "executor",
        "noise-learner",
        "circuit-runner",
        "qasm3-runner",
        "calibrate",
    )
}
"""Program -> what reads its results: one decoder, which tells forms apart by what they hold."""
