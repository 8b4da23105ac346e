"""What is uploaded as a runtime program: source and metadata, from wherever they are."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Mapping
from os import PathLike
from typing import Any

from .._files import read_given
from ..exceptions import IBMInputValueError

_RENAMED = {"max_execution_time": "cost"}
_TOP = frozenset({"name", "description", "cost", "is_public", "spec"})
_SPEC = frozenset({"backend_requirements", "parameters", "return_values", "interim_results"})
_IGNORED = frozenset({"version", "id", "program_id", "creation_date", "update_date", "data"})


def source_of(data: str | bytes | PathLike[str]) -> str:
    """Return a program's source, which is given as such or as the path of its file; it must have a function ``main``."""
    text = data.decode("utf-8") if isinstance(data, bytes) else str(data)
    if isinstance(data, PathLike) or ("\n" not in text and "def main(" not in text):
        try:
            text = read_given(text)
        except (OSError, ValueError) as cause:
            raise IBMInputValueError(f"The program's source cannot be read: {cause}") from cause
    if "def main(" not in text and " main" not in text:
        raise IBMInputValueError("A program must have a function main(backend, user_messenger, **kwargs).")
    return text


def metadata_of(
    metadata: Mapping[str, Any] | str | PathLike[str] | None, changes: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return a program's metadata in the words of the service.

    Args:
        metadata: A dict, or the path of a JSON file; ``max_execution_time`` is in seconds.
        changes: Single values that win over those of ``metadata``; None means nothing.

    Warns:
        UserWarning: A name is not known, and is left out.
    """
    values = dict(_loaded(metadata))
    values.update({name: value for name, value in (changes or {}).items() if value is not None})
    document: dict[str, Any] = {}
    spec = dict(values.pop("spec", None) or {})
    for given, value in values.items():
        name = _RENAMED.get(given, given)
        if name in _SPEC:
            spec[name] = value
        elif name in _TOP:
            document[name] = value
        elif name not in _IGNORED:
            known = ", ".join(sorted((_TOP | _SPEC | set(_RENAMED)) - {"spec", "cost"}))
            warnings.warn(f"{given!r} in a program's metadata is ignored. There are: {known}.", stacklevel=3)
    return document | ({"spec": spec} if spec else {})


def _loaded(metadata: Mapping[str, Any] | str | PathLike[str] | None) -> Mapping[str, Any]:
    if metadata is None:
        return {}
    if isinstance(metadata, Mapping):
        return metadata
    try:
        document = json.loads(read_given(os.fspath(metadata)))
    except (OSError, ValueError) as cause:
        raise IBMInputValueError(f"The program's metadata cannot be read: {cause}") from cause
    if not isinstance(document, dict):
        raise IBMInputValueError("The program's metadata must be a JSON object.")
    return document
