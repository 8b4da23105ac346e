"""Large bodies that wait in a file beside the database, so that the server needs no memory for them."""

from __future__ import annotations

import glob
import os
import tempfile
import weakref
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

LARGE_BYTES = 1 << 24
"""What is larger than this waits in a file, where there is a database for it to stand beside."""
_MARK = "-upload-"


class Spool:
    """Bytes in a file that goes with this object. Another process that is given it reads and writes the same file.

    Args:
        path: The file, which is there.
        own: Whether it is to be removed when this object goes.
    """

    def __init__(self, path: str, *, own: bool = False) -> None:
        self._path = path
        self._file = os.open(path, os.O_RDWR | getattr(os, "O_CLOEXEC", 0))
        weakref.finalize(self, _close, self._file, path if own else None)

    @classmethod
    def beside(cls, database: str) -> Spool:
        """Make an empty one, which its owner alone may read; an OSError if there is no room for it."""
        place = Path(database).absolute()
        file, path = tempfile.mkstemp(dir=place.parent, prefix=place.name + _MARK)
        os.close(file)
        return cls(path, own=True)

    def __reduce__(self) -> tuple[Any, ...]:
        return Spool, (self._path,)

    def __len__(self) -> int:
        return os.fstat(self._file).st_size

    def add(self, parts: Iterable[bytes]) -> None:
        """Write behind what is there; an OSError if the disk is full."""
        os.lseek(self._file, 0, os.SEEK_END)
        for part in parts:
            left = memoryview(part)
            while left:
                left = left[os.write(self._file, left) :]

    def replace(self, body: bytes) -> None:
        """Hold something else from now on; an OSError if the disk is full."""
        os.ftruncate(self._file, 0)
        self.add([body])

    def read(self, start: int = 0, count: int | None = None) -> bytes:
        """Return so many bytes, or all."""
        os.lseek(self._file, start, os.SEEK_SET)
        with os.fdopen(os.dup(self._file), "rb") as stream:
            return stream.read(-1 if count is None else count)


def forget_spools(database: str) -> None:
    """Remove what a server that was killed has left beside a database that no other server has now."""
    place = Path(database).absolute()
    for path in place.parent.glob(f"{glob.escape(place.name)}{_MARK}*"):
        with suppress(OSError):
            path.unlink()


def _close(file: int, path: str | None) -> None:
    os.close(file)
    if path is not None:
        with suppress(OSError):
            os.unlink(path)  # noqa: PTH108 (at the end of the interpreter as well)
