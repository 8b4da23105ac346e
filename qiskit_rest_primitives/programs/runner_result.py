"""``RunnerResult``: what ``circuit-runner`` returns, read into Qiskit's ``Result``."""

from __future__ import annotations

import json
from typing import Any

from qiskit.result import QuasiDistribution, Result

from ..jobs.decoders import ResultDecoder


class RunnerResult(Result, ResultDecoder):
    """The result of ``circuit-runner``; give the class as ``result_decoder`` to ``service.run``."""

    @classmethod
    def decode(cls, data: str | bytes) -> RunnerResult:
        """Read the JSON text of a result.

        Args:
            data: The text.

        Raises:
            ValueError: It is none.
        """
        document = json.loads(data)
        try:
            return cls.from_dict(document)
        except (KeyError, TypeError) as cause:
            raise ValueError("the text is no result of circuit-runner") from cause

    def get_quasiprobabilities(self, experiment: Any = None) -> QuasiDistribution | list[QuasiDistribution]:
        """Return the measured frequencies, of one circuit or a list of them.

        Args:
            experiment: Index or name of a circuit; None for all.
        """
        chosen = range(len(self.results)) if experiment is None else [experiment]
        found = []
        for each in chosen:
            counts = self.get_counts(each)
            shots = sum(counts.values())
            found.append(
                QuasiDistribution(
                    {int(key.replace(" ", ""), 2): count / shots for key, count in counts.items()},
                    shots=shots,
                )
            )
        return found if experiment is None and len(found) != 1 else found[0]
