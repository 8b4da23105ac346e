"""Programs, the server's own among them, and what their runs leave besides results: interim results and what they printed; on the store's tables."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any

TURN_BYTES = 1 << 20
"""Interim results that are read or written before others have a turn; each is one row."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS programs (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, instance TEXT NOT NULL, name TEXT NOT NULL,
    description TEXT NOT NULL, cost INTEGER NOT NULL, created REAL NOT NULL, updated REAL NOT NULL,
    public INTEGER NOT NULL, spec TEXT NOT NULL, source TEXT NOT NULL, UNIQUE (instance, name));
CREATE TABLE IF NOT EXISTS program_runs (job TEXT PRIMARY KEY, program TEXT NOT NULL, printed TEXT);
CREATE TRIGGER IF NOT EXISTS forget_run AFTER DELETE ON jobs BEGIN
    DELETE FROM program_runs WHERE job = OLD.id;
    DELETE FROM interim_results WHERE job = OLD.id;
END;
"""


@dataclass
class StoredProgram:
    """One program.

    Attributes:
        instance: CRN of the instance that owns it; empty for the server's own.
        cost: Longest run time, seconds.
        created: Seconds since the epoch, as is ``updated``.
        spec: ``parameters``, ``return_values``, ``interim_results``, ``backend_requirements``.
    """

    id: str
    instance: str = field(repr=False)
    name: str
    description: str
    cost: int
    created: float
    updated: float
    public: bool = False
    spec: dict[str, Any] = field(default_factory=dict)
    source: str = field(default="", repr=False)


_COLUMNS = [item.name for item in fields(StoredProgram)]
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM programs"  # noqa: S608 (column names are constants)


class ProgramStore:
    """The tables; the server's own programs are listed first and cannot be changed."""

    def __init__(self, connection: sqlite3.Connection, own: Sequence[StoredProgram]) -> None:
        self._connection = connection
        self._own = {program.id: program for program in own}
        connection.executescript(_SCHEMA)

    # Programs

    def add(self, program: StoredProgram) -> bool:
        """Keep a new program; False if the instance has one of this name."""
        try:
            self._connection.execute(
                f"INSERT INTO programs ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})",  # noqa: S608
                [_column(program, name) for name in _COLUMNS],
            )
        except sqlite3.IntegrityError:
            return False
        return True

    def save(self, program: StoredProgram) -> bool:
        """Write a changed program; False if another one has its name."""
        names = [name for name in _COLUMNS if name not in ("id", "instance", "created")]
        try:
            self._connection.execute(
                f"UPDATE programs SET {', '.join(f'{name} = ?' for name in names)} WHERE id = ?",  # noqa: S608
                [*(_column(program, name) for name in names), program.id],
            )
        except sqlite3.IntegrityError:
            return False
        return True

    def find(self, program_id: str, instance: str | None) -> StoredProgram | None:
        """Return a program that an instance sees; any if None is given."""
        if program_id in self._own:
            return self._own[program_id]
        row = self._connection.execute(f"{_SELECT} WHERE id = ?", (program_id,)).fetchone()
        program = None if row is None else _program(row)
        seen = program is not None and (instance in (None, program.instance) or program.public)
        return program if seen else None

    def is_own(self, program: StoredProgram) -> bool:
        """Whether it is one of the server's own."""
        return program.id in self._own

    def page(self, instance: str, *, limit: int, offset: int) -> tuple[list[StoredProgram], int]:
        """Return some of the programs that an instance sees, and how many there are; the server's own come first."""
        seen = [*self._own.values()]
        rows = self._connection.execute(
            f"{_SELECT} WHERE instance = ? OR public ORDER BY number", (instance,)
        ).fetchall()
        seen += [_program(row) for row in rows]
        return seen[offset : offset + limit], len(seen)

    def count(self) -> int:
        """Return how many programs were uploaded."""
        count: int = self._connection.execute("SELECT COUNT(*) FROM programs").fetchone()[0]
        return count

    def delete(self, program_id: str) -> None:
        """Remove a program; its jobs stay."""
        self._connection.execute("DELETE FROM programs WHERE id = ?", (program_id,))

    # Runs

    def note_run(self, job_id: str, program_id: str) -> None:
        """Remember that a job runs a program."""
        self._connection.execute(
            "INSERT OR REPLACE INTO program_runs VALUES (?, ?, NULL)", (job_id, program_id)
        )

    def begin_run(self, job_id: str) -> None:
        """Forget what an earlier run of a job left, which a restart of the server had ended: it is published again."""
        self._connection.execute("DELETE FROM interim_results WHERE job = ?", (job_id,))
        self._connection.execute("UPDATE program_runs SET printed = NULL WHERE job = ?", (job_id,))

    def run_of(self, job_id: str) -> str | None:
        """Return the program that a job runs, None for a job of another kind."""
        row = self._connection.execute("SELECT program FROM program_runs WHERE job = ?", (job_id,)).fetchone()
        return None if row is None else row[0]

    def keep_printed(self, job_id: str, text: str) -> None:
        """Keep what a run printed."""
        self._connection.execute("UPDATE program_runs SET printed = ? WHERE job = ?", (text, job_id))

    def printed(self, job_id: str) -> str:
        """Return what a job printed."""
        row = self._connection.execute("SELECT printed FROM program_runs WHERE job = ?", (job_id,)).fetchone()
        return "" if row is None else row[0] or ""

    def keep_interim(self, job_id: str, bodies: Sequence[bytes]) -> None:
        """Append interim results."""
        first = self.interim_count(job_id)
        self._connection.execute("BEGIN")
        self._connection.executemany(
            "INSERT INTO interim_results VALUES (?, ?, ?)",
            [(job_id, first + index, body) for index, body in enumerate(bodies)],
        )
        self._connection.execute("COMMIT")

    def interim_count(self, job_id: str) -> int:
        """Return how many interim results there are."""
        last = self._connection.execute(
            "SELECT max(number) FROM interim_results WHERE job = ?", (job_id,)
        ).fetchone()[0]
        return 0 if last is None else last + 1

    async def interim(self, job_id: str, offset: int, *, most_bytes: int | None) -> list[bytes]:
        """Return interim results from a number on, at least one if there is one, up to ``most_bytes``; others have turns."""
        bodies: list[bytes] = []
        size = read = 0
        asked = "SELECT body FROM interim_results WHERE job = ? AND number = ?"
        while (row := self._connection.execute(asked, (job_id, offset + len(bodies))).fetchone()) is not None:
            size += len(row[0])
            if bodies and most_bytes is not None and size > most_bytes:
                break
            bodies.append(row[0])
            if size - read > TURN_BYTES:
                read = size
                await asyncio.sleep(0)
        return bodies


def _column(program: StoredProgram, name: str) -> Any:
    value = getattr(program, name)
    return json.dumps(value) if name == "spec" else value


def _program(row: Sequence[Any]) -> StoredProgram:
    values = dict(zip(_COLUMNS, row, strict=True))
    return StoredProgram(**{**values, "public": bool(values["public"]), "spec": json.loads(values["spec"])})


_CREATED = 1_640_995_200.0  # 2022
_LONGEST = 10_800
_CIRCUITS = {"description": "A circuit, or a list of circuits.", "type": ["object", "array", "string"]}
_RUN_OPTIONS = {
    "description": "Options of the simulation, such as shots and seed_simulator.",
    "type": "object",
}
_VALUES = {"description": "Values of the parameters, one list per circuit.", "type": "array"}
_INDICES = {"description": "Which circuit each run is of; all in order by default.", "type": "array"}


_CIRCUIT_RUNNER: dict[str, Any] = {
    "circuits": _CIRCUITS,
    "shots": {"description": "Shots of each circuit.", "type": "integer", "default": 4000},
    "optimization_level": {"description": "0 to 3.", "type": "integer", "default": 1},
    "initial_layout": {"description": "Places of the qubits.", "type": ["object", "array", "null"]},
    "layout_method": {"description": "Qiskit's name of it.", "type": ["string", "null"]},
    "routing_method": {"description": "Qiskit's name of it.", "type": ["string", "null"]},
    "translation_method": {"description": "Qiskit's name of it.", "type": ["string", "null"]},
    "seed_transpiler": {"description": "Makes transpiling repeatable.", "type": ["integer", "null"]},
    "seed_simulator": {"description": "Makes the simulation repeatable.", "type": ["integer", "null"]},
    "skip_transpilation": {"description": "Run as they are.", "type": "boolean", "default": False},
    "memory": {"description": "Keep each shot's outcome.", "type": "boolean", "default": False},
}
_SAMPLER: dict[str, Any] = {
    "pubs": {"description": "PUBs of the V2 primitive.", "type": "array"},
    "circuits": _CIRCUITS,
    "circuit_indices": _INDICES,
    "parameter_values": _VALUES,
    "run_options": _RUN_OPTIONS,
    "transpilation_settings": {
        "description": "skip_transpilation, optimization_settings.level, and options of Qiskit's transpiler.",
        "type": "object",
    },
}
_ESTIMATOR: dict[str, Any] = {
    **_SAMPLER,
    "observables": {"description": "An observable, or a list of them.", "type": ["object", "array"]},
    "observable_indices": {"description": "Which observable each run is of.", "type": "array"},
}
_HELLO_WORLD: dict[str, Any] = {
    "iterations": {
        "description": "Number of random circuits.",
        "type": "integer",
        "minimum": 0,
        "maximum": 1000,
        "default": 1,
    }
}


def own_programs() -> list[StoredProgram]:
    """Return the server's own programs, which are the functions of ``bundled``."""
    return [
        _own_program(
            "circuit-runner",
            "Transpiles circuits for the backend and runs them.",
            _CIRCUIT_RUNNER,
            "circuits",
        ),
        _own_program(
            "sampler",
            "Samples circuits. With pubs: the V2 primitive. With circuits: quasi-probabilities, as V1 gave them.",
            _SAMPLER,
        ),
        _own_program(
            "estimator",
            "Estimates expectation values. With pubs: the V2 primitive. With circuits and observables: as V1 did.",
            _ESTIMATOR,
        ),
        _own_program(
            "hello-world",
            "Runs random circuits and publishes the counts of each: a program to try things out with.",
            _HELLO_WORLD,
        ),
    ]


def _own_program(name: str, description: str, inputs: dict[str, Any], *required: str) -> StoredProgram:
    schema = {
        "$schema": "https://json-schema.org/draft/2019-09/schema",
        "type": "object",
        "properties": inputs,
    }
    return StoredProgram(
        id=name,
        instance="",
        name=name,
        description=description,
        cost=_LONGEST,
        created=_CREATED,
        updated=_CREATED,
        public=True,
        spec={"parameters": {**schema, "required": list(required)}},
        source=f"from {__package__}.bundled import {name.replace('-', '_')} as main\n",
    )
