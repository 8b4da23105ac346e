"""Whatever the package keeps on a disk is its owner's alone, whatever the umask says (faults C7)."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from qiskit_rest_primitives._files import make_private, open_private
from qiskit_rest_primitives.accounts.file import dump_entries
from qiskit_rest_primitives.rest.journal import Journal
from qiskit_rest_primitives.server.jobs.store import Job, Store

pytestmark = pytest.mark.skipif(os.name != "posix", reason="modes of files are POSIX's; runs there")


@pytest.fixture(params=[0, 0o022], ids=["umask 000", "umask 022"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    before = os.umask(request.param)
    yield tmp_path
    os.umask(before)


def open_to_others(place: Path) -> dict[str, str]:
    """Return the files that others than the owner may touch, with their modes."""
    modes = {path.name: path.stat().st_mode for path in place.rglob("*") if path.is_file()}
    return {name: oct(stat.S_IMODE(mode)) for name, mode in modes.items() if mode & 0o077}


def test_a_database_and_what_sqlite_writes_beside_it(place: Path) -> None:
    store = Store(str(place / "jobs.sqlite"))
    store.add_job(Job("a", "crn", "sampler", "b", created=1.0, cost=1), b"{}")

    assert {path.name for path in place.iterdir()} >= {"jobs.sqlite", "jobs.sqlite-wal"}
    assert open_to_others(place) == {}
    store.close()


def test_a_database_that_an_older_version_left_open_to_others(place: Path) -> None:
    for name in ("jobs.sqlite", "jobs.sqlite-wal"):
        (place / name).write_bytes(b"")
        (place / name).chmod(0o644)
    Store(str(place / "jobs.sqlite")).close()

    assert open_to_others(place) == {}


def test_access_log_journal_and_accounts(place: Path) -> None:
    (place / "old.log").write_text("before\n")
    (place / "old.log").chmod(0o644)
    for name in ("old.log", "new.log"):
        with open_private(place / name) as log:
            log.write("line\n")
    Journal(place / "journal.sqlite").begin("1", url="u", instance="i", document={})
    dump_entries({"name": {"channel": "local"}}, place / "accounts.json")

    assert (place / "old.log").read_text() == "before\nline\n"
    assert len(list(place.iterdir())) >= 4
    assert open_to_others(place) == {}


def test_a_link_to_nothing_and_a_device(place: Path) -> None:
    (place / "link").symlink_to(place / "target")
    make_private(place / "link")
    with open_private("/dev/null") as nowhere:
        nowhere.write("line\n")

    assert (place / "target").is_file()
    assert open_to_others(place) == {}


def test_a_server_with_everything_that_it_writes(place: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "qiskit_rest_primitives.server",
        "--threads",
        "--database",
        "jobs.sqlite",
    ]
    process = subprocess.Popen(
        [*command, "--access-log", "access.log", "--backend", "aer_simulator"],
        cwd=place,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    with process.stdout:
        assert json.loads(process.stdout.readline())["url"]
        assert {path.name for path in place.iterdir()} >= {"jobs.sqlite", "access.log"}
        assert open_to_others(place) == {}
        process.terminate()
        assert process.wait(600) == 0
