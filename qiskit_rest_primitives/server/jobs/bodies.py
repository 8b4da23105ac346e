"""The inputs and results of jobs on SQLite: small ones in a row, large ones in pieces, with turns for others in between.

A body exists when its row of ``params`` or ``results`` does, which holds its first piece. The others are written before
that row and removed after it, each in a transaction of its own, and nobody sees them without it. What a server that was
killed in between leaves of them goes when the next one opens the file.
"""

from __future__ import annotations

import asyncio
import sqlite3
from typing import Literal

from ..spool import Spool

Kind = Literal["params", "results"]

PIECE_BYTES = 1 << 20
"""What is written or read at a time: some milliseconds of work."""
_AGAIN_SECONDS = 5.0
_KINDS: tuple[Kind, ...] = ("params", "results")
_WITHOUT_ROW = "NOT EXISTS (SELECT 1 FROM {kind} WHERE job = pieces.job)"


class Bodies:
    """The tables, on a store's connection; used on the event loop's thread."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._written: dict[tuple[Kind, str], int] = {}
        for kind in _KINDS:
            self._connection.execute(
                f"DELETE FROM pieces WHERE kind = ? AND {_WITHOUT_ROW.format(kind=kind)}",  # noqa: S608
                (kind,),
            )

    def split(self) -> None:
        """Write in pieces what versions before 4 kept in one row; one body at a time is in memory."""
        for kind in _KINDS:
            large = f"SELECT job FROM {kind} WHERE length(body) > ?"  # noqa: S608 (one of two words)
            for (job_id,) in self._connection.execute(large, (PIECE_BYTES,)).fetchall():
                self.write(kind, job_id, self._piece(kind, job_id, 0) or b"")

    async def write_ahead(self, kind: Kind, job_id: str, body: bytes | Spool) -> None:
        """Write the pieces of a large body; it exists when ``write`` has been called and committed as well.

        If the disk is full (``sqlite3.OperationalError``), call ``write`` or ``forget`` then, too.
        """
        for number in range(1, _count(body)):
            self._insert(kind, job_id, number, body)
            self._written[kind, job_id] = number
            await asyncio.sleep(0)

    def write(self, kind: Kind, job_id: str, body: bytes | Spool) -> None:
        """Write a body, or what ``write_ahead`` left of it; call ``forget`` or ``settle`` after the transaction."""
        for number in range(self._written.get((kind, job_id), 0) + 1, _count(body)):
            self._insert(kind, job_id, number, body)
        self._connection.execute(
            f"INSERT OR REPLACE INTO {kind} VALUES (?, ?)",  # noqa: S608 (one of two words)
            (job_id, _piece_of(body, 0)),
        )

    def settle(self, kind: Kind, job_id: str) -> None:
        """Note that a body has been written and committed."""
        self._written.pop((kind, job_id), None)

    def is_large(self, kind: Kind, job_id: str) -> bool:
        """Whether a body has several pieces."""
        asked = "SELECT 1 FROM pieces WHERE kind = ? AND job = ? LIMIT 1"
        return self._connection.execute(asked, (kind, job_id)).fetchone() is not None

    def read_at_once(self, kind: Kind, job_id: str) -> bytes | None:
        """Return a body, or None; nobody has a turn meanwhile, so it is for small ones."""
        pieces: list[bytes] = []
        while (piece := self._piece(kind, job_id, len(pieces))) is not None:
            pieces.append(piece)
        return b"".join(pieces) if pieces else None

    async def read(self, kind: Kind, job_id: str) -> bytes | None:
        """Return a body, or None, also if it is removed meanwhile."""
        pieces: list[bytes] = []
        while (piece := self._piece(kind, job_id, len(pieces))) is not None:
            pieces.append(piece)
            if len(pieces) > 1:
                await asyncio.sleep(0)
        if len(pieces) < 2:
            return pieces[0] if pieces else None
        body = await asyncio.to_thread(b"".join, pieces)  # which lets go of the global lock
        return body if self._exists(kind, job_id) else None

    def drop(self, kind: Kind, job_id: str) -> None:
        """Remove a body; what is large goes piece by piece, unless the transaction around this comes to nothing."""
        self._connection.execute(f"DELETE FROM {kind} WHERE job = ?", (job_id,))  # noqa: S608 (one of two words)
        self.forget(kind, job_id)

    def forget(self, kind: Kind, job_id: str) -> None:
        """Remove the pieces of a body that does not exist, soon."""
        self._written.pop((kind, job_id), None)
        if not self.is_large(kind, job_id):
            return
        try:
            asyncio.get_running_loop().call_soon(self._remove_next, kind, job_id)
        except RuntimeError:  # there is nobody to hold up
            while self._remove(kind, job_id):
                pass

    def _remove_next(self, kind: Kind, job_id: str) -> None:
        loop = asyncio.get_running_loop()
        try:
            if self._remove(kind, job_id):
                loop.call_soon(self._remove_next, kind, job_id)
        except sqlite3.OperationalError:  # a full disk cannot even forget
            loop.call_later(_AGAIN_SECONDS, self._remove_next, kind, job_id)
        except sqlite3.ProgrammingError:  # the database was closed; who opens it removes them
            pass

    def _remove(self, kind: Kind, job_id: str) -> bool:
        """Remove one piece of a body that does not exist; returns whether there was one."""
        done = self._connection.execute(
            f"DELETE FROM pieces WHERE {_WITHOUT_ROW.format(kind=kind)} AND rowid ="  # noqa: S608
            " (SELECT rowid FROM pieces WHERE kind = ? AND job = ? ORDER BY number DESC LIMIT 1)",
            (kind, job_id),
        )
        return done.rowcount > 0

    def _insert(self, kind: Kind, job_id: str, number: int, body: bytes | Spool) -> None:
        row = (kind, job_id, number, _piece_of(body, number))
        self._connection.execute("INSERT OR REPLACE INTO pieces VALUES (?, ?, ?, ?)", row)

    def _piece(self, kind: Kind, job_id: str, number: int) -> bytes | None:
        if number == 0:
            row = self._connection.execute(f"SELECT body FROM {kind} WHERE job = ?", (job_id,)).fetchone()  # noqa: S608
        else:
            asked = "SELECT body FROM pieces WHERE kind = ? AND job = ? AND number = ?"
            row = self._connection.execute(asked, (kind, job_id, number)).fetchone()
        return None if row is None else row[0]

    def _exists(self, kind: Kind, job_id: str) -> bool:
        asked = f"SELECT 1 FROM {kind} WHERE job = ?"  # noqa: S608 (one of two words)
        return self._connection.execute(asked, (job_id,)).fetchone() is not None


def _piece_of(body: bytes | Spool, number: int) -> bytes | memoryview:
    start = number * PIECE_BYTES
    if isinstance(body, Spool):
        return body.read(start, PIECE_BYTES)
    return memoryview(body)[start : start + PIECE_BYTES]


def _count(body: bytes | Spool) -> int:
    """Return how many pieces a body has; the first one may be empty."""
    return max(1, -(-len(body) // PIECE_BYTES))
