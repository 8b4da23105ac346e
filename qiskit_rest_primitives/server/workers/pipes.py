"""Objects through the pipes between the server and its own child processes, each behind its length.

Large bytes go as they are: to pickle a body of 300 MB and to copy it out again, both in one go under Python's global lock,
would hold up the event loop of the server for tenths of a second.
"""

from __future__ import annotations

import io
import pickle
import struct
from typing import IO, Any

_LENGTH = struct.Struct(">Q")
_LARGE = 65_536


class _Pickler(pickle.Pickler):
    """Leaves large bytes out, for ``large``."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__(file, protocol=pickle.HIGHEST_PROTOCOL)
        self.large: list[bytes] = []

    def persistent_id(self, value: Any) -> int | None:
        """Return the number of large bytes, None of everything else."""
        if type(value) is not bytes or len(value) <= _LARGE:
            return None
        self.large.append(value)
        return len(self.large) - 1


class _Unpickler(pickle.Unpickler):
    """Puts large bytes back."""

    def __init__(self, file: IO[bytes], large: list[bytes]) -> None:
        super().__init__(file)
        self._large = large

    def persistent_load(self, number: int) -> bytes:
        """Return the large bytes of a number."""
        return self._large[number]


def send(pipe: IO[bytes], value: Any) -> None:
    """Write an object: how many large bytes it has, these and the rest, each behind its length."""
    rest = io.BytesIO()
    pickler = _Pickler(rest)
    pickler.dump(value)
    pipe.write(_LENGTH.pack(len(pickler.large)))
    for part in (*pickler.large, rest.getvalue()):
        pipe.write(_LENGTH.pack(len(part)))
        pipe.write(part)
    pipe.flush()


def receive(pipe: IO[bytes]) -> Any:
    """Read what ``send`` wrote.

    Raises:
        EOFError: The other side has closed the pipe.
    """
    (count,) = _LENGTH.unpack(_read(pipe, _LENGTH.size))
    *large, rest = [_read_part(pipe) for _ in range(count + 1)]
    return _Unpickler(io.BytesIO(rest), large).load()


def _read_part(pipe: IO[bytes]) -> bytes:
    (length,) = _LENGTH.unpack(_read(pipe, _LENGTH.size))
    return _read(pipe, length)


def _read(pipe: IO[bytes], length: int) -> bytes:
    body = pipe.read(length)
    if len(body) < length:
        raise EOFError
    return body
