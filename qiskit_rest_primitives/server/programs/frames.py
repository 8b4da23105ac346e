"""The pipe between a program's process and the server: frames of one kind and one JSON text each."""

from __future__ import annotations

import json
import struct
from typing import IO

BEGIN, INTERIM, RESULT, ERROR = b"B", b"I", b"R", b"E"
_HEAD = struct.Struct(">cI")


class FrameError(ValueError):
    """What came is not a frame, or is too large; the text suits a job's reason."""


def write_frame(pipe: IO[bytes], kind: bytes, body: bytes) -> None:
    """Write one frame and push it out. Inverse: ``read_frame``."""
    pipe.write(_HEAD.pack(kind, len(body)) + body)
    pipe.flush()


def read_frame(pipe: IO[bytes], *, most: int) -> tuple[bytes, bytes] | None:
    """Read one frame; None at the end of the pipe. Inverse of ``write_frame``.

    Raises:
        FrameError: It is none, is cut off, too large, or holds no JSON.
    """
    head = pipe.read(_HEAD.size)
    if not head:
        return None
    if len(head) < _HEAD.size:
        raise FrameError("The program's last message is cut off.")
    kind, length = _HEAD.unpack(head)
    if kind not in (BEGIN, INTERIM, RESULT, ERROR):
        raise FrameError("The program wrote into the pipe that its messages go through.")
    if length > most:
        raise FrameError(f"The program sent {length} bytes at once; at most {most} are accepted.")
    body = pipe.read(length)
    if len(body) < length:
        raise FrameError("The program's last message is cut off.")
    if (problem := _problem(body)) is not None:
        raise FrameError(f"The program sent a message that is not JSON in UTF-8: {problem}.")
    return kind, body


def _problem(body: bytes) -> str | None:
    """Return why bytes are not what a strict reader of JSON takes; None if they are.

    The bare words NaN and Infinity pass: Python writes them, and readers of results take them (rest-api.md 9.8).
    """
    try:
        text = body.decode("utf-8")  # json.loads would take UTF-16 and UTF-32 as well
        value = json.loads(text)
        if "\\ud" in text or "\\uD" in text:
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        return "it holds half of a surrogate pair"
    except UnicodeDecodeError as error:
        return f"byte {error.start} is no UTF-8"
    except RecursionError:
        return "it is nested too deeply"
    except ValueError as error:
        return str(error)
    return None
