"""What a QPY object claims about its circuit, read before Qiskit believes it and makes room.

Qiskit allocates the qubits that the header names; four wrong bytes cost gigabytes. What does not live here:
reading circuits (``qpy_form``, ``tag_readers``).
"""

from __future__ import annotations

import struct

_FILE_HEADER = 20  # magic, versions, number of programs, kind of expressions, kind of programs
_TABLE_ENTRY = 8  # since version 16: where each program starts
_COUNTS = struct.Struct("!H1cHII")


def claimed_size(content: bytes) -> tuple[int, int] | None:
    """Return the numbers of qubits and classical bits that the first circuit claims to have.

    Args:
        content: An unpacked QPY object.

    Returns:
        The two numbers; None when the version is older than 13 (whose header differs) or the header is cut off.
    """
    if len(content) < 7 or content[6] < 13:
        return None
    start = _FILE_HEADER + (_TABLE_ENTRY if content[6] >= 16 else 0)
    try:
        *_, qubits, clbits = _COUNTS.unpack_from(content, start)
    except struct.error:
        return None
    return qubits, clbits
