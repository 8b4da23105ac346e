"""What a QPY object claims about its circuit, read before Qiskit believes it and makes room; and Qiskit's complaint.

Qiskit allocates the qubits that the header names; four wrong bytes cost gigabytes.
"""

from __future__ import annotations

import re
import struct

FILE_HEADER = 20  # magic, versions, number of programs, kind of expressions, kind of programs
TABLE_ENTRY = 8  # since version 16: where each program starts
_COUNTS = struct.Struct("!H1cHII")
_NUMBER = struct.Struct("!Q")
_NUMBER_AT = 10  # of the number of programs


def claimed_size(content: bytes) -> tuple[int, int] | None:
    """Return the numbers of qubits and classical bits that the first circuit claims to have.

    Args:
        content: An unpacked QPY object.

    Returns:
        The two numbers; None when the version is older than 13 (whose header differs) or the header is cut off.
    """
    if len(content) < 7 or content[6] < 13:
        return None
    start = FILE_HEADER + (TABLE_ENTRY if content[6] >= 16 else 0)
    try:
        *_, qubits, clbits = _COUNTS.unpack_from(content, start)
    except struct.error:
        return None
    return qubits, clbits


def programs_apart(content: bytes) -> list[bytes]:
    """Split an unpacked QPY object into objects of one program each, so that every claim can be checked.

    Since version 16 a table tells where the programs start; before, only reading them tells.

    Raises:
        ValueError: The header is damaged, or the object is older than 16 and has not exactly one program.
    """
    try:
        (count,) = _NUMBER.unpack_from(content, _NUMBER_AT)
        if content[6] < 16:
            if count != 1:
                raise ValueError(f"version {content[6]} must hold exactly one circuit here, not {count}")
            return [content]
        if not 0 < count <= (len(content) - FILE_HEADER) // TABLE_ENTRY:
            raise ValueError(f"it claims to hold {count} circuits")
        starts = [
            _NUMBER.unpack_from(content, FILE_HEADER + TABLE_ENTRY * index)[0] for index in range(count)
        ]
    except (struct.error, IndexError) as cause:
        raise ValueError("it is cut off") from cause
    ends = [*starts[1:], len(content)]
    if starts[0] < FILE_HEADER or any(start >= end for start, end in zip(starts, ends, strict=True)):
        raise ValueError("its table is damaged")
    head = content[:_NUMBER_AT] + _NUMBER.pack(1) + content[_NUMBER_AT + _NUMBER.size : FILE_HEADER]
    head += _NUMBER.pack(FILE_HEADER + TABLE_ENTRY)
    return [head + content[start:end] for start, end in zip(starts, ends, strict=True)]


def fault_of(cause: BaseException) -> str:
    """Return in one line why an object could not be read: Qiskit's reader adds colours, frames and places in its source."""
    plain = re.sub(r"(\x1b|\\x1b)\[[0-9;]*m", "", str(cause)).replace("\\n", "\n")
    lines = (line.strip() for line in plain.splitlines() if not re.match(r"\s*at \S+:\d+", line))
    text = " ".join(" ".join(line for line in lines if "━" not in line).split())
    return f"{type(cause).__name__}: {text[:500]}"
