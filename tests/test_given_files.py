"""Whatever stands where a file should be: nothing waits for ever, and nothing fills the memory (fault C21)."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qiskit_rest_primitives import _files
from qiskit_rest_primitives._files import read_given
from qiskit_rest_primitives.accounts.file import AccountProblem, load_entries
from qiskit_rest_primitives.exceptions import IBMInputValueError
from qiskit_rest_primitives.programs.upload import metadata_of, source_of
from qiskit_rest_primitives.rest.http_client import Engine
from qiskit_rest_primitives.rest.journal import Journal
from qiskit_rest_primitives.server.__main__ import _faults
from qiskit_rest_primitives.server.settings import Certificate

pytestmark = pytest.mark.skipif(
    os.name != "posix", reason="pipes and devices in the file system: runs on POSIX"
)

READERS: list[tuple[Callable[[Path], Any], type[Exception]]] = [
    (load_entries, AccountProblem),
    (source_of, IBMInputValueError),
    (lambda path: metadata_of(str(path)), IBMInputValueError),
    (lambda path: _faults(str(path)), argparse.ArgumentTypeError),
    (lambda path: Engine(verify=str(path))._tls(), ValueError),
    (lambda path: Certificate(str(path), None).check(), OSError),
]


def pipe(folder: Path) -> Path:
    place = folder / "pipe"
    os.mkfifo(place)
    return place


@pytest.mark.parametrize("place", [pipe, lambda _: Path("/dev/zero")], ids=["pipe", "device"])
@pytest.mark.parametrize(("read", "error"), READERS)
def test_what_is_no_file_is_refused(
    tmp_path: Path, read: Callable[[Path], Any], error: type[Exception], place: Callable[[Path], Path]
) -> None:
    with pytest.raises(error, match="regular file"):
        read(place(tmp_path))


@pytest.mark.parametrize("place", [pipe, lambda _: Path("/dev/zero")], ids=["pipe", "device"])
def test_a_journal_that_is_no_file_is_not_used(
    tmp_path: Path, place: Callable[[Path], Path], caplog: pytest.LogCaptureFixture
) -> None:
    journal = Journal(place(tmp_path))
    assert journal.unfinished() == []
    assert "no regular file" in caplog.text


def test_a_byte_order_mark_is_left_out(tmp_path: Path) -> None:
    file = tmp_path / "accounts.json"
    file.write_bytes(b'\xef\xbb\xbf{"a": {"channel": "ibm_cloud"}}')
    assert load_entries(file) == {"a": {"channel": "ibm_cloud"}}


def test_a_file_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "large"
    file.write_bytes(b" " * 101)
    with pytest.raises(ValueError, match="larger than 100 bytes"):
        read_given(file, most=100)
    assert _files.MOST < 1 << 30
