"""The file of saved accounts, shared with qiskit-ibm-runtime: same place, same format (rest-api.md 2.2).

What lives here: reading and atomic writing of the JSON object ``name -> entry``. What does not: which entry is
meant (``account``).
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

Entries = dict[str, dict[str, Any]]


def default_path() -> Path:
    """Return ``~/.qiskit/qiskit-ibm.json``."""
    return Path.home() / ".qiskit" / "qiskit-ibm.json"


def load_entries(path: Path | str | None = None) -> Entries:
    """Read all entries; none if there is no file.

    Raises:
        ValueError: If the file is not a JSON object of objects.
    """
    place = Path(path).expanduser() if path else default_path()
    try:
        text = place.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    try:
        document = json.loads(text) if text.strip() else {}
    except ValueError as cause:
        raise ValueError(f"{place} is not JSON; repair it or move it away.") from cause
    if not isinstance(document, dict) or not all(isinstance(entry, dict) for entry in document.values()):
        raise ValueError(f"{place} does not hold saved accounts (an object of objects).")
    return document


def dump_entries(entries: Mapping[str, Mapping[str, Any]], path: Path | str | None = None) -> None:
    """Write all entries at once, readable by the owner only; a reader sees the old file or the new one."""
    place = Path(path).expanduser() if path else default_path()
    place = place.resolve()  # a link stays a link
    place.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=place.parent, prefix=f".{place.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(entries, file, sort_keys=True, indent=4)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o600)
        Path(temporary).replace(place)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def locked(path: Path | str | None = None) -> Iterator[None]:
    """Keep other processes of this package from changing the file between reading and writing it."""
    place = (Path(path).expanduser() if path else default_path()).resolve()
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        import fcntl
    except ImportError:  # no such thing on Windows; the write itself is atomic there too
        yield
        return
    handle = os.open(place.parent, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
