"""``RuntimeOptions``: where and how ``service.run`` runs a program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from ..exceptions import IBMInputValueError
from ..jobs.request import check_tags
from ..options.rules import IMAGE

LOG_LEVELS = ("critical", "error", "warning", "info", "debug")
_OLDER = {"backend_name": "backend"}


@dataclass
class RuntimeOptions:
    """Options of ``service.run``; a dict with the same keys does as well, and ``backend_name`` for ``backend``.

    Attributes:
        backend: A backend or its name; None lets the service choose.
        image: The runtime image, ``name:tag``.
        log_level: ``DEBUG``, ``INFO``, ``WARNING``, ``ERROR`` or ``CRITICAL``.
        instance: The instance to run in, instead of the active one.
        job_tags: Tags of the job.
        max_execution_time: Seconds after which it is stopped.
        session_time: Seconds that a session which the job starts may last.
        private: Whether inputs are withheld and the result can be read only once.
    """

    backend: Any = None
    image: str | None = None
    log_level: str | None = None
    instance: str | None = None
    job_tags: list[str] | None = None
    max_execution_time: int | None = None
    session_time: int | None = None
    private: bool | None = False

    @classmethod
    def of(cls, options: Any) -> RuntimeOptions:
        """Return the options that a dict or an object with such attributes stands for, checked.

        Raises:
            IBMInputValueError: One is unknown, or its value makes no sense.
        """
        given: Mapping[str, Any] = (
            options if isinstance(options, Mapping) else {} if options is None else vars(options)
        )
        values = {_OLDER.get(name, name): value for name, value in given.items() if value is not None}
        known = [field.name for field in fields(cls)]
        unknown = [name for name in values if name not in known]
        if unknown:
            raise IBMInputValueError(f"There is no option {unknown[0]!r}. There are: {', '.join(known)}.")
        checked = cls(**values)
        checked.validate()
        return checked

    def validate(self, channel: str | None = None) -> None:
        """Check the values.

        Args:
            channel: Accepted for compatibility; what an option may be is the same on all channels.

        Raises:
            IBMInputValueError: One makes no sense.
        """
        del channel
        if self.image is not None and not IMAGE.fullmatch(str(self.image)):
            raise IBMInputValueError(f"image must be of the form name:tag, not {self.image!r}.")
        if self.log_level is not None and str(self.log_level).lower() not in LOG_LEVELS:
            raise IBMInputValueError(
                f"log_level must be one of {', '.join(LOG_LEVELS)}, not {self.log_level!r}."
            )
        if self.job_tags is not None:
            check_tags(self.job_tags)
        for name in ("max_execution_time", "session_time"):
            seconds = getattr(self, name)
            if seconds is not None and (
                not isinstance(seconds, int) or isinstance(seconds, bool) or seconds <= 0
            ):
                raise IBMInputValueError(
                    f"{name} must be a positive whole number of seconds, not {seconds!r}."
                )

    def get_backend_name(self) -> str | None:
        """Return the backend's name, whether it was given by name or as an object."""
        backend = self.backend
        return backend if backend is None or isinstance(backend, str) else str(backend.name)

    def to_wire(self) -> dict[str, Any]:
        """Return the members of the submission."""
        values = {
            "backend": self.get_backend_name(),
            "runtime": self.image,
            "log_level": None if self.log_level is None else self.log_level.lower(),
            "tags": self.job_tags,
            "cost": self.max_execution_time,
            "session_time": self.session_time,
            "private": True if self.private else None,
        }
        return {name: value for name, value in values.items() if value is not None}
