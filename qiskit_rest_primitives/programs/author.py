"""What a runtime program is written with: ``main(backend, user_messenger, **kwargs)`` and its two helpers."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

from qiskit.circuit import QuantumCircuit
from qiskit.providers import BackendV2, JobV1

from ..wire.typed import RuntimeEncoder

Publish = Callable[[Any, type[json.JSONEncoder], bool], None]


class UserMessenger:
    """Tells the user of a program how far it is.

    A program gets one as ``user_messenger``; one that an author makes prints the messages, for trying a program out.

    Args:
        publish: Receives message, encoder and ``final``; prints the message when None.
    """

    def __init__(self, publish: Publish | None = None) -> None:
        self._publish = publish

    def publish(
        self, message: Any, encoder: type[json.JSONEncoder] = RuntimeEncoder, final: bool = False
    ) -> None:
        """Publish one message; it becomes an interim result of the job.

        Args:
            message: Anything that ``encoder`` can write.
            encoder: Writes it as JSON.
            final: Whether it is the program's result, for programs whose ``main`` returns nothing.

        Raises:
            TypeError: The encoder cannot write it.
        """
        if self._publish is None:
            print(json.dumps(message, cls=encoder))
        else:
            self._publish(message, encoder, final)


class ProgramBackend(BackendV2, ABC):
    """The backend that a program gets: Qiskit's interface, and ``run`` for circuits as they are."""

    @abstractmethod
    def run(self, circuits: QuantumCircuit | Sequence[QuantumCircuit], **options: Any) -> JobV1:
        """Run circuits.

        Args:
            circuits: One circuit or several, transpiled for the backend.
            **options: ``shots``, ``memory``, ``seed_simulator``, ...

        Returns:
            A job whose ``result()`` is a ``qiskit.result.Result``.
        """
