"""The two variables about the log: obeyed when a service is made, and by nothing else."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from qiskit_rest_primitives import IBMInputValueError
from qiskit_rest_primitives.service.logging import setup_logger

PROGRAM = """
import logging, os
import qiskit_rest_primitives
from qiskit_rest_primitives import QiskitRuntimeService
from qiskit_rest_primitives.service.logging import logger
assert not logger.handlers and logger.level == 0
for _ in range(2):
    service = QiskitRuntimeService(
        "ibm_quantum_platform", url=os.environ["PLACE"], token=os.environ["SECRET"], instance=os.environ["CRN"]
    )
print(len(logger.handlers), logging.getLevelName(logger.level), logger.propagate)
print(len(service.backends()))
"""
FORM = "%(module)s.%(funcName)s:%(levelname)s:%(asctime)s: %(message)s"


def run(endpoint: Any, **variables: str) -> tuple[list[str], str]:
    """What a program printed that asks the endpoint for its backends, and what it wrote to stderr."""
    environ = {key: value for key, value in os.environ.items() if not key.startswith("QISKIT_IBM")}
    place = {"PLACE": endpoint.url, "SECRET": endpoint.token, "CRN": endpoint.instance}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**environ, **place, **variables},
        capture_output=True,
        text=True,
        timeout=900,
        check=True,
    )
    return done.stdout.split(), done.stderr


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    made = logging.Logger("of this test")  # outside the tree of loggers
    yield made
    for handler in made.handlers:
        handler.close()


def test_a_library_that_is_told_nothing_has_no_handler(endpoint: Any) -> None:
    printed, written = run(endpoint)

    assert printed[:3] == ["0", "NOTSET", "True"]
    assert written == ""


def test_a_file_and_a_level_are_obeyed_and_no_secret_is_written(endpoint: Any, tmp_path: Path) -> None:
    file = tmp_path / "log.txt"

    printed, written = run(
        endpoint, QISKIT_IBM_RUNTIME_LOG_LEVEL="debug", QISKIT_IBM_RUNTIME_LOG_FILE=str(file)
    )

    assert printed[:3] == ["1", "DEBUG", "False"]
    assert written == ""
    text = file.read_text()
    assert "/backends" in text
    assert ":DEBUG:" in text
    assert not any(secret in text for secret in (endpoint.token, endpoint.instance.split(":")[6]))


def test_a_level_alone_leads_to_stderr(endpoint: Any) -> None:
    printed, written = run(endpoint, QISKIT_IBM_RUNTIME_LOG_LEVEL="DEBUG")

    assert printed[:3] == ["1", "DEBUG", "False"]
    assert "/backends" in written


def test_a_level_that_is_none_is_warning_and_is_said(logger: logging.Logger, tmp_path: Path) -> None:
    file = tmp_path / "log.txt"

    for _ in range(2):
        setup_logger(
            logger,
            {"QISKIT_IBM_RUNTIME_LOG_LEVEL": "loud", "QISKIT_IBM_RUNTIME_LOG_FILE": str(file)},
        )

    assert logger.level == logging.WARNING
    assert len(logger.handlers) == 1
    assert file.read_text().count("'loud', which is no log level") == 2


def test_a_file_that_cannot_be_written_is_an_error(logger: logging.Logger, tmp_path: Path) -> None:
    with pytest.raises(IBMInputValueError, match="QISKIT_IBM_RUNTIME_LOG_FILE"):
        setup_logger(logger, {"QISKIT_IBM_RUNTIME_LOG_FILE": str(tmp_path)})

    assert logger.handlers == []


@pytest.mark.parametrize("level", ["", "info", "CRITICAL", "nonsense"])
def test_the_result_is_that_of_the_official_client(
    logger: logging.Logger, level: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from qiskit_ibm_runtime.utils.logging import setup_logger as official

    theirs = logging.Logger("of the official client")
    monkeypatch.setenv("QISKIT_IBM_RUNTIME_LOG_LEVEL", level)
    monkeypatch.setenv("QISKIT_IBM_RUNTIME_LOG_FILE", str(tmp_path / "log.txt"))

    official(theirs)
    setup_logger(logger)

    assert (logger.level, logger.propagate) == (theirs.level, theirs.propagate)
    for one in (logger, theirs):
        assert [(type(handler), handler.formatter._fmt) for handler in one.handlers] == [
            (logging.FileHandler, FORM)
        ]
    theirs.handlers[0].close()
