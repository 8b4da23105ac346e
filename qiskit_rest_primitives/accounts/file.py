"""The file of saved accounts, shared with qiskit-ibm-runtime: same place, same format (rest-api.md 2.2)."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

from .._files import read_given
from .._secret import hidden_members

_OUR_NAMES = {"is_default_account": "is_default_of_local"}
_THEIR_NAMES = {ours: theirs for theirs, ours in _OUR_NAMES.items()}
WINDOWS = os.name == "nt"
_PAUSE = 0.02  # seconds
_REPLACEMENTS = 100
Entries = dict[str, dict[str, Any]]


Kind = Literal["invalid", "missing", "unknown", "exists", "file"]


class AccountProblem(Exception):
    """An account cannot be used, found or saved.

    Attributes:
        kind: ``invalid``, ``missing`` (none matches), ``unknown`` (none is called so), ``exists`` (saving would
            overwrite one) or ``file`` (the file of saved accounts cannot be read or written).
    """

    def __init__(self, kind: Kind, message: str) -> None:
        super().__init__(message)
        self.kind: Kind = kind


def path_of(given: Path | str | None = None) -> Path:
    """Return a file of accounts by what the user calls it, ``~/.qiskit/qiskit-ibm.json`` if nothing."""
    try:
        return Path(given or "~/.qiskit/qiskit-ibm.json").expanduser()
    except RuntimeError as cause:
        raise AccountProblem(
            "file", "This user has no home directory for saved accounts: set HOME, or pass filename=... ."
        ) from cause


def load_entries(path: Path | str | None = None) -> Entries:
    """Read all entries, their secrets hidden; none if there is no file."""
    place = path_of(path)
    try:
        entries, wrong = _entries_of(read_given(place)), "does not hold saved accounts (an object of objects)"
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as cause:
        raise _unusable(place, "read", cause) from cause
    except (ValueError, RecursionError):
        entries, wrong = None, "is not JSON"
    if entries is None:  # raised here, without a cause: that holds the text of the file
        raise AccountProblem("file", f"{place} {wrong}; repair it or move it away.")
    return entries


def _entries_of(text: str) -> Entries | None:
    """Return the entries in a text, None if it holds something else than an object of objects."""
    document = json.loads(text) if text.strip() else {}
    if not isinstance(document, dict) or not all(map(_is_entry, document.values())):
        return None
    return {name: _from_file(hidden_members(entry)) for name, entry in document.items()}


def _from_file(entry: dict[str, Any]) -> dict[str, Any]:
    """Return an entry as it is meant; one of the channel ``local`` is written as ``_to_file`` says."""
    if entry.get("local") is not True:
        return entry
    own = {_THEIR_NAMES.get(name, name): value for name, value in entry.items() if name != "local"}
    return {**own, "channel": "local"}


def _to_file(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return an entry as it is written: qiskit-ibm-runtime must be able to use a file that has one of ``local``.

    It fails at any channel that it does not know, but leaves out those of the classic platform; and it insists on an
    entry that is marked as the default.
    """
    if entry.get("channel") != "local":
        return dict(entry)
    own = {_OUR_NAMES.get(name, name): value for name, value in entry.items()}
    return {**own, "channel": "ibm_quantum", "local": True}


def dump_entries(entries: Mapping[str, Mapping[str, Any]], path: Path | str | None = None) -> None:
    """Write all entries at once, readable by the owner only; a reader sees the old file or the new one."""
    place = path_of(path).resolve()  # a link stays a link
    temporary = None
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=place.parent, prefix=f".{place.name}.")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(_text_of(entries))  # in no variable: it has all tokens
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o600)
        _put(Path(temporary), place)
    except BaseException as cause:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        if isinstance(cause, OSError):
            raise _unusable(place, "written", cause) from cause
        raise


def _put(temporary: Path, place: Path) -> None:
    """Put a file in another's place; Windows refuses that while somebody reads the other, who is soon done."""
    for _ in range(_REPLACEMENTS if WINDOWS else 0):
        with contextlib.suppress(PermissionError):
            temporary.replace(place)
            return
        time.sleep(_PAUSE)
    temporary.replace(place)


@contextlib.contextmanager
def locked(path: Path | str | None = None) -> Iterator[None]:
    """Keep other threads and processes of this package from changing the file between reading and writing it."""
    place = path_of(path).resolve()
    held = place.with_name(f".{place.name}.lock") if WINDOWS else place.parent
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(held, os.O_RDWR | os.O_CREAT if WINDOWS else os.O_RDONLY, 0o600)
    except OSError as cause:
        raise _unusable(place, "written", cause) from cause
    try:
        _wait_for(handle)
        yield
    finally:
        os.close(handle)  # which gives it back, as the end of the process does


def _wait_for(handle: int) -> None:
    """Wait until nobody else holds what a descriptor is open for, and hold it."""
    if not WINDOWS:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX)
        return
    msvcrt: Any = import_module("msvcrt")  # type checkers know its members on Windows only
    while True:
        with contextlib.suppress(OSError):  # another holds it
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
            return
        time.sleep(_PAUSE)


def _text_of(entries: Mapping[str, Mapping[str, Any]]) -> str:
    return json.dumps({name: _to_file(entry) for name, entry in entries.items()}, sort_keys=True, indent=4)


def _is_entry(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("channel", ""), (str, type(None)))


def _unusable(place: Path, use: str, cause: OSError) -> AccountProblem:
    return AccountProblem(
        "file",
        f"The saved accounts in {place} cannot be {use} ({cause.strerror or cause}). Check its permissions, name "
        "another with filename=..., or give the account as token=... or in QISKIT_IBM_TOKEN.",
    )
