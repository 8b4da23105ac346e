"""The journal: written ahead, shared by threads and processes, silent about secrets, never in the way."""

from __future__ import annotations

import logging
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from qiskit_rest_primitives.rest.journal import (
    BACK_OFF,
    KEEP_FOR,
    NO_JOURNAL,
    Journal,
    is_alive,
    user_journal,
)

DOCUMENT = {
    "program_id": "sampler",
    "backend": "b",
    "session_id": "s",
    "private": True,
    "params": {"pubs": ["s3cret circuit"]},
    "tags": ["s3cret tag"],
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "journal.sqlite"


def begin(journal: Journal, identifier: str, **more: Any) -> None:
    journal.begin(identifier, url="https://q.example", instance="guid", document=DOCUMENT, **more)


def test_the_life_of_a_submission(path: Path) -> None:
    journal = Journal(path, now=lambda: 5.0)

    begin(journal, "s1", kept="map")
    assert [(entry.id, entry.state, entry.job_id) for entry in journal.unfinished()] == [
        ("s1", "sending", None)
    ]
    journal.close("s1", "unknown")
    assert [entry.state for entry in journal.unfinished()] == ["unknown"]
    journal.accept("s1", "j1")
    entry = journal.of_job("j1")
    journal.finish("j1")

    assert entry is not None
    assert (entry.state, entry.program, entry.backend, entry.session_id) == ("accepted", "sampler", "b", "s")
    assert (entry.private, entry.kept, entry.instance, entry.created) == (True, "map", "guid", 5.0)
    assert journal.unfinished() == []
    assert journal.entry("s1") is not None
    assert journal.of_job("j1") is not None
    assert journal.of_job("j2") is None


def test_a_refused_submission_needs_no_attention(path: Path) -> None:
    journal = Journal(path)
    begin(journal, "s1")
    journal.close("s1", "refused")

    assert journal.unfinished() == []


def test_it_survives_its_process_and_reopens(path: Path) -> None:
    first = Journal(path)
    begin(first, "s1")
    first.shut()

    assert [entry.id for entry in Journal(path).unfinished()] == ["s1"]
    assert [entry.id for entry in first.unfinished()] == ["s1"]


@pytest.mark.skipif(os.name != "posix", reason="modes are a POSIX matter; run on Linux or macOS")
def test_only_the_owner_can_read_it(path: Path) -> None:
    begin(Journal(path), "s1")

    assert path.stat().st_mode & 0o777 == 0o600
    for side in path.parent.iterdir():
        assert side.stat().st_mode & 0o077 == 0


def test_neither_circuits_nor_tags_are_in_it(path: Path) -> None:
    journal = Journal(path)
    begin(journal, "s1")
    journal.shut()

    assert all(b"s3cret" not in side.read_bytes() for side in path.parent.iterdir())


def test_old_entries_that_need_no_attention_are_forgotten(path: Path) -> None:
    early = Journal(path, now=lambda: 1000.0)
    for name in ("done", "open"):
        begin(early, name)
        early.accept(name, f"job-{name}")
    early.finish("job-done")
    late = Journal(path, now=lambda: 1001.0 + KEEP_FOR)

    assert late.entry("done") is None
    assert late.entry("open") is not None


@pytest.mark.parametrize("word", ["off", "OFF", "none", "0", "false"])
def test_it_can_be_switched_off(word: str) -> None:
    journal = user_journal({"QISKIT_REST_PRIMITIVES_JOURNAL": word})
    begin(journal, "s1")

    assert journal is NO_JOURNAL
    assert journal.unfinished() == []


def test_its_place_is_the_home_directory_or_the_variable(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))

    assert user_journal({}).path == tmp_path / ".qiskit" / "rest-primitives-journal.sqlite"
    assert user_journal({"QISKIT_REST_PRIMITIVES_JOURNAL": "~/x"}).path == tmp_path / "x"


def test_without_a_home_it_says_so_and_records_nothing(caplog: pytest.LogCaptureFixture) -> None:
    journal = user_journal({"QISKIT_REST_PRIMITIVES_JOURNAL": "~nosuchuser/x"})

    assert journal.path is None
    assert "QISKIT_REST_PRIMITIVES_JOURNAL" in caplog.text


def test_a_journal_that_cannot_be_written_warns_once_and_is_silent(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    journal = Journal(tmp_path / "file" / "journal.sqlite")

    with caplog.at_level(logging.WARNING):
        for number in range(3):
            begin(journal, f"s{number}")

    assert journal.unfinished() == []
    assert [record.getMessage().count("cannot be used") for record in caplog.records] == [1]


def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "journal.sqlite"
    path.write_bytes(b"something precious of the user's" * 100)
    begin(Journal(path), "s1")

    assert path.read_bytes() == b"something precious of the user's" * 100
    assert "cannot be used" in caplog.text


def test_threads_share_it(path: Path) -> None:
    journal = Journal(path)

    def work(name: str) -> None:
        for number in range(25):
            begin(journal, f"{name}-{number}")
            journal.accept(f"{name}-{number}", f"job-{name}-{number}")

    threads = [threading.Thread(target=work, args=(str(number),)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len({entry.job_id for entry in journal.unfinished()}) == 200


def test_processes_share_it(path: Path) -> None:
    # Whole programs, not children of multiprocessing, which would look for this file as a module of a package
    # called `tests`: whichever is first on the path, and other packages install one too.
    script = (
        "import sys; from qiskit_rest_primitives.rest.journal import Journal\n"
        "journal = Journal(sys.argv[1])\n"
        "for key in (f'{sys.argv[2]}-{number}' for number in range(25)):\n"
        "    journal.begin(key, url='u', instance='i', document={'program_id': 'sampler', 'params': {}})\n"
        "    journal.accept(key, f'job-{key}')\n"
    )
    workers = [
        subprocess.Popen([sys.executable, "-c", script, str(path), str(number)]) for number in range(3)
    ]

    assert [worker.wait() for worker in workers] == [0, 0, 0]
    assert len({entry.job_id for entry in Journal(path).unfinished()}) == 75


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork; POSIX only")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_opens_it_anew(path: Path) -> None:
    journal = Journal(path)
    begin(journal, "parent")

    child = os.fork()
    if child == 0:
        try:
            begin(journal, "child")
            os._exit(0)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    begin(journal, "parent-again")

    assert os.waitstatus_to_exitcode(status) == 0
    assert {entry.id for entry in journal.unfinished()} == {"parent", "child", "parent-again"}


def test_a_second_journal_takes_nothing_from_the_first_when_another_process_ends(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    script = (
        "import sys; from qiskit_rest_primitives.rest.journal import Journal\n"
        "Journal(sys.argv[1]).begin('other', url='u', instance='', document={})\n"
    )
    first, second = Journal(path), Journal(path)
    begin(first, "before")
    begin(second, "beside")  # opening must not give up the locks that the first one has

    subprocess.run([sys.executable, "-c", script, str(path)], check=True)
    begin(first, "after")

    assert caplog.messages == []
    assert {entry.id for entry in Journal(path).unfinished()} == {"before", "beside", "other", "after"}


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL; POSIX only")
def test_a_killed_process_loses_nothing_that_it_wrote(path: Path) -> None:
    script = (
        "import sys; from qiskit_rest_primitives.rest.journal import Journal\n"
        "journal = Journal(sys.argv[1])\n"
        "for number in range(10**6):\n"
        "    journal.begin(str(number), url='u', instance='', document={})\n"
        "    print(number, flush=True)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for _ in range(50):
        last = process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    last = (process.stdout.read().splitlines() or [last])[-1]
    process.stdout.close()
    process.wait()

    known = {int(entry.id) for entry in Journal(path).unfinished()}
    assert known >= set(range(int(last)))


def test_writing_costs_little_more_than_the_database_does(path: Path, tmp_path: Path) -> None:
    journal = Journal(path)
    begin(journal, "first")
    bare = sqlite3.connect(tmp_path / "bare.sqlite", isolation_level=None)
    bare.execute("PRAGMA journal_mode = WAL")
    bare.execute("PRAGMA synchronous = NORMAL")
    bare.execute("CREATE TABLE entry (id TEXT PRIMARY KEY, text TEXT)")
    ours, theirs = [], []
    for number in range(200):
        start = time.perf_counter()
        begin(journal, str(number))
        journal.accept(str(number), f"j{number}")
        ours.append(time.perf_counter() - start)
        start = time.perf_counter()
        for step in range(2):
            bare.execute("INSERT INTO entry VALUES (?, ?)", (f"{number}-{step}", "x" * 200))
        theirs.append(time.perf_counter() - start)
    bare.close()

    assert sorted(ours)[100] < 10 * sorted(theirs)[100]


def test_a_journal_that_another_process_keeps_locked_is_left_alone_for_a_while(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Fault C6: each job waited 15 s for it, for ever."""
    now = [0.0]
    waited: list[float] = []
    journal = Journal(path, clock=lambda: now[0])
    begin(journal, "a")
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    for name in "bcd":
        start = time.monotonic()
        begin(journal, name)
        waited.append(time.monotonic() - start)
    holder.execute("ROLLBACK")
    begin(journal, "e")
    now[0] = BACK_OFF
    begin(journal, "f")
    holder.close()

    assert {entry.id for entry in journal.unfinished()} == set("abcdef")
    assert max(waited[1:]) < waited[0]  # only the first asked the file
    (told,) = [text for text in caplog.messages if "keeps it locked" in text]
    assert str(path) in told  # faults D ("database is locked"): which file, and what to do
    assert "end it, or name another file with QISKIT_REST_PRIMITIVES_JOURNAL" in told


@pytest.mark.skipif(
    sys.platform != "linux", reason="needs /proc, which tells when a process began; Linux only"
)
def test_a_sender_that_is_still_there_is_known_from_one_that_has_ended(tmp_path: Path, wait_for: Any) -> None:
    code = "from qiskit_rest_primitives.rest.journal import this_process; print(this_process(), flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        name = other.stdout.readline().strip()
        assert is_alive(name)
        assert not is_alive(
            name.replace(" ", " 1", 1)
        )  # another one of that number, which began at another time
        other.kill()
        wait_for(lambda: not is_alive(name), "the end of a process that its parent has not asked for")
    assert not is_alive(name)
    assert not is_alive("")

    journal = Journal(tmp_path / "journal.sqlite")
    journal.claim("run")
    assert not journal.sent_by_another("run")
    assert not journal.sent_by_another("another run")
