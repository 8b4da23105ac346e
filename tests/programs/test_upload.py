"""Source and metadata of a program, from wherever they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from qiskit_rest_primitives import IBMInputValueError
from qiskit_rest_primitives.programs.upload import metadata_of, source_of

SOURCE = "def main(backend, user_messenger, **kwargs):\n    return 1\n"


def test_a_source_is_text_bytes_or_a_file(tmp_path: Path) -> None:
    path = tmp_path / "program.py"
    path.write_text(SOURCE)

    assert [source_of(each) for each in (SOURCE, SOURCE.encode(), path, str(path))] == [SOURCE] * 4


@pytest.mark.parametrize(
    ("data", "word"), [("nowhere.py", "cannot be read"), ("x = 1\ny = 2\n", "function main")]
)
def test_what_is_no_source_is_refused(data: str, word: str) -> None:
    with pytest.raises(IBMInputValueError, match=word):
        source_of(data)


def test_metadata_is_a_dict_or_a_file_in_either_form(tmp_path: Path) -> None:
    flat = {"name": "n", "max_execution_time": 5, "parameters": {"type": "object"}, "version": 2}
    nested = {"name": "n", "cost": 5, "spec": {"parameters": {"type": "object"}}}
    path = tmp_path / "metadata.json"
    path.write_text(json.dumps(flat))

    assert metadata_of(flat) == metadata_of(nested) == metadata_of(path) == metadata_of(str(path)) == nested


def test_single_values_win() -> None:
    assert metadata_of({"name": "a", "description": "d"}, {"name": "b", "description": None}) == {
        "name": "b",
        "description": "d",
    }
    assert metadata_of(None) == {}


@pytest.mark.parametrize(
    ("content", "word"),
    [(None, "cannot be read"), ("[1]", "object"), ("{", "cannot be read")],
)
def test_metadata_that_makes_no_sense_is_refused(tmp_path: Path, content: Any, word: str) -> None:
    path = tmp_path / "metadata.json"
    if content is not None:
        path.write_text(content)

    with pytest.raises(IBMInputValueError, match=word):
        metadata_of(path)


def test_metadata_of_unknown_names_are_left_out_with_a_warning() -> None:
    with pytest.warns(UserWarning, match="'authors'"):
        assert metadata_of({"name": "a", "authors": ["me"]}) == {"name": "a"}
