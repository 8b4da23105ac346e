"""What the environment says about the log: QISKIT_IBM_RUNTIME_LOG_LEVEL and QISKIT_IBM_RUNTIME_LOG_FILE (rest-api.md 2.3)."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping

from ..exceptions import IBMInputValueError

logger = logging.getLogger("qiskit_rest_primitives")

_LEVEL, _FILE = "QISKIT_IBM_RUNTIME_LOG_LEVEL", "QISKIT_IBM_RUNTIME_LOG_FILE"
_OURS = "qiskit_rest_primitives, by the environment"


def obey_environment(environ: Mapping[str, str] = os.environ) -> None:
    """Set up this package's logger if the environment asks for it; it is left to the program otherwise."""
    if environ.get(_LEVEL) or environ.get(_FILE):
        setup_logger(logger, environ)


def setup_logger(logger: logging.Logger, environ: Mapping[str, str] = os.environ) -> None:
    """Give a logger the level and the file that the environment names; a second call adds no second handler.

    Args:
        logger: Its messages go to the file, or to stderr if none is named, and to the loggers above it no more.
        environ: Environment variables. A level that is none becomes ``WARNING``; without one, the logger's is left.

    Raises:
        IBMInputValueError: The file cannot be written to.
    """
    if all(handler.get_name() != _OURS for handler in logger.handlers):
        handler = _handler(environ.get(_FILE))
        handler.set_name(_OURS)
        handler.setFormatter(
            logging.Formatter("%(module)s.%(funcName)s:%(levelname)s:%(asctime)s: %(message)s")
        )
        logger.addHandler(handler)
    logger.propagate = False
    wanted = environ.get(_LEVEL)
    if wanted:
        level = logging.getLevelName(wanted.upper())
        if not isinstance(level, int):
            level = logging.WARNING
            logger.warning(
                "%s is %r, which is no log level; it can be DEBUG, INFO, WARNING, ERROR or CRITICAL.",
                _LEVEL,
                wanted,
            )
        logger.setLevel(level)


def _handler(file: str | None) -> logging.Handler:
    if not file:
        return logging.StreamHandler()
    try:
        return logging.FileHandler(file)
    except OSError as cause:
        raise IBMInputValueError(
            f"{_FILE} is {file!r}, which cannot be written to ({cause.strerror}). Name another file, or unset it."
        ) from cause
