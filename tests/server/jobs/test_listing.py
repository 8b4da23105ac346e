"""Lists of jobs: each page is that of a look at all jobs, and costs no more where there are many."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from qiskit_rest_primitives.server.jobs.schema import VERSION
from qiskit_rest_primitives.server.jobs.store import Job, JobFilter, Store
from qiskit_rest_primitives.server.jobs.usage import UsageReport, WorkloadFilter

INSTANCES, PROGRAMS, BACKENDS = ("crn", "other"), ("sampler", "estimator"), ("a", "b", "mock_a")
FINAL = {"Completed": "completed", "Failed": "failed", "Cancelled": "canceled"}
STATUSES = {"Queued": "pending", "Running": "in_progress", **FINAL}
FIRST_OF_TIE = 3
"""Jobs that are created at the same moment."""


def random_job(choose: random.Random, number: int) -> Job:
    return Job(
        id=f"j{choose.randrange(10**9)}-{number}",
        instance=choose.choice(INSTANCES),
        program=choose.choice(PROGRAMS),
        backend=choose.choice(BACKENDS),
        created=float(number // FIRST_OF_TIE),
        cost=9,
        tags=tuple(choose.sample(("x", "y", "ü%", "x"), choose.randrange(3))),
        session_id=choose.choice((None, None, "s1", "s2")),
    )


def live(store: Store, choose: random.Random, many: int) -> list[Job]:
    """Let jobs come, run, be interrupted, end, get other tags and go; returns those that are left, as they are."""
    jobs: dict[str, Job] = {}
    for number in range(many):
        job = random_job(choose, number)
        store.add_job(job, b"{}")
        jobs[job.id] = job
        other = jobs[choose.choice([*jobs])]
        match choose.randrange(6):
            case 0 if other.status == "Queued":
                store.start_job(other, 1.0)
            case 1 if other.status == "Running":
                store.return_job(other)
            case 2 | 3 if not other.final:
                jobs[other.id] = replace(other, status=choose.choice([*FINAL]), finished=2.0)
                store.finish_job(jobs[other.id], b"r")
            case 4:
                store.set_tags(other, choose.sample(("x", "y", "z"), 2))
            case 5 if number % 3 == 0:
                store.delete_jobs([other.id])
                del jobs[other.id]
    return sorted(jobs.values(), key=lambda job: job.number)


def asked(choose: random.Random) -> dict[str, Any]:
    """Return a filter of both lists."""
    filters: dict[str, Any] = {
        "backend": choose.choice((*BACKENDS, "none of these")),
        "created_after": float(choose.randrange(40)),
        "created_before": float(choose.randrange(40)),
        "tags": tuple(choose.sample(("x", "y", "z", "ü%", "?"), choose.randrange(1, 3))),
    }
    return {name: value for name, value in filters.items() if choose.random() < 0.3}


def fits(job: Job, wanted: JobFilter | WorkloadFilter) -> bool:
    return (
        job.instance == wanted.instance
        and wanted.backend in (None, job.backend)
        and (wanted.created_after is None or job.created >= wanted.created_after)
        and (wanted.created_before is None or job.created <= wanted.created_before)
        and set(wanted.tags) <= set(job.tags)
    )


def check_jobs(store: Store, jobs: list[Job], choose: random.Random) -> None:
    wanted = JobFilter(
        choose.choice(INSTANCES),
        **asked(choose),
        pending=choose.choice((None, None, True, False)),
        program=choose.choice((None, *PROGRAMS)),
        session_id=choose.choice((None, None, None, "s1", "nobody's")),
        mocks=choose.random() < 0.7,
    )
    expected = [
        job.id
        for job in sorted(jobs, key=lambda job: (job.created, job.number))
        if fits(job, wanted)
        and wanted.pending in (None, not job.final)
        and wanted.program in (None, job.program)
        and wanted.session_id in (None, job.session_id)
        and (wanted.mocks or not job.backend.startswith("mock_"))
    ]
    ascending, limit, offset = choose.random() < 0.5, choose.randrange(1, 9), choose.choice((0, 0, 3, 20))
    page, count = store.jobs(wanted, limit=limit, offset=offset, ascending=ascending)

    in_order = expected if ascending else expected[::-1]
    assert ([job.id for job in page], count) == (in_order[offset : offset + limit], len(expected)), wanted


def check_workloads(store: Store, jobs: list[Job], choose: random.Random) -> None:
    wanted = WorkloadFilter(
        choose.choice(INSTANCES),
        **asked(choose),
        mode=choose.choice((None, "job")),
        statuses=choose.choice(((), (), ("failed",), ("pending", "in_progress"), ("completed", "canceled"))),
        search=choose.choice((None, None, "x", "j1")),
        members=choose.random() < 0.5,
    )
    expected = [
        job.id
        for job in sorted(jobs, key=lambda job: (job.created, job.id))
        if fits(job, wanted)
        and (wanted.members or job.session_id is None)
        and (not wanted.statuses or STATUSES[job.status] in wanted.statuses)
        and (
            wanted.search is None or wanted.search in job.id or any(wanted.search in tag for tag in job.tags)
        )
    ]
    ascending, limit, after, found = choose.random() < 0.5, choose.randrange(1, 9), None, []
    while True:  # page by page, by cursor
        page, more, count = UsageReport(store).workloads(
            wanted, limit=limit, ascending=ascending, after=after, backwards=False
        )
        assert count == len(expected), wanted
        found += [item.id for item in page]
        if not more:
            break
        after = (page[-1].created, page[-1].id)

    assert found == (expected if ascending else expected[::-1]), wanted


@pytest.mark.parametrize("seed", range(4))
def test_every_page_is_that_of_a_look_at_all_jobs(seed: int, tmp_path: Path) -> None:
    choose, path = random.Random(seed), str(tmp_path / "jobs.sqlite")
    store = Store(path)
    jobs = live(store, choose, 120)
    for again in (False, True):
        if again:  # what another server counts that opens the file
            store.close()
            store = Store(path)
        for _ in range(60):
            check_jobs(store, jobs, choose)
            check_workloads(store, jobs, choose)
        assert store.tags("crn", "X") == sorted(
            {tag for job in jobs if job.instance == "crn" for tag in job.tags if "x" in tag}
        )
    store.close()


# How much of the database is looked at, in steps of SQLite's machine, which depend on nothing else


MANY, FEW = 4000, 400
LISTS: dict[str, JobFilter | WorkloadFilter] = {
    "all": JobFilter("crn", mocks=False),
    "pending": JobFilter("crn", pending=True),
    "ended": JobFilter("crn", pending=False),
    "of a backend": JobFilter("crn", backend="b"),
    "of a backend without any": JobFilter("crn", backend="c"),
    "of a program": JobFilter("crn", program="estimator"),
    "of a session": JobFilter("crn", session_id="s"),
    "with a tag": JobFilter("crn", tags=("rare",)),
    "with a tag that no job has": JobFilter("crn", tags=("none",)),
    "of some time": JobFilter("crn", created_after=50.0, created_before=99.0),
    "of a backend at some time": JobFilter("crn", backend="a", created_after=50.0, created_before=99.0),
    "workloads": WorkloadFilter("crn"),
    "workloads that failed": WorkloadFilter("crn", statuses=("failed",)),
    "workloads that wait": WorkloadFilter("crn", statuses=("pending", "in_progress")),
    "workloads with a tag": WorkloadFilter("crn", tags=("rare",)),
    "workloads of a backend": WorkloadFilter("crn", backend="b"),
}


@pytest.fixture(scope="module")
def stores() -> Iterator[tuple[Store, Store]]:
    """A store with few jobs, and one with many; ten of either are something special."""
    made = []
    for many in (FEW, MANY):
        store = Store()
        rows = [
            (
                f"j{k:05d}", "crn", "estimator" if rare else "sampler", "b" if rare else "a", float(k),
                "Failed" if rare and k % 3 == 0 else "Queued" if rare else "Completed",
                '["rare"]' if rare else f'["t{k}"]', "s" if rare and k % 2 else None,
            )
            for k in range(many)
            for rare in [k % (many // 10) == 7]
        ]  # fmt: skip
        columns = "id, instance, program, backend, created, status, tags, session_id, cost"
        with store.transaction():
            store.connection.executemany(
                f"INSERT INTO jobs ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 9)", rows
            )
        store.counts = type(store.counts)(store.connection)
        made.append(store)
    yield made[0], made[1]
    for store in made:
        store.close()


def steps(store: Store, work: Callable[[], Any]) -> int:
    """Return how many tens of steps of SQLite some work takes."""
    taken = [0]

    def count() -> None:
        taken[0] += 1

    store.connection.set_progress_handler(count, 10)
    work()
    store.connection.set_progress_handler(None, 0)
    return taken[0]


@pytest.mark.parametrize("name", LISTS)
def test_a_page_costs_the_same_among_many_jobs_as_among_few(stores: tuple[Store, Store], name: str) -> None:
    wanted = LISTS[name]

    def page(store: Store) -> Callable[[], Any]:
        if isinstance(wanted, JobFilter):
            return lambda: store.jobs(wanted, limit=20, offset=0, ascending=False)
        report, after = UsageReport(store), (FEW - 20.5, "")
        return lambda: report.workloads(wanted, limit=20, ascending=False, after=after, backwards=False)

    few, many = (steps(store, page(store)) for store in stores)

    assert many <= 1.5 * few + 5, (few, many)


def test_a_file_of_the_version_before_gets_its_tags_and_indices(tmp_path: Path) -> None:
    path = str(tmp_path / "jobs.sqlite")
    store = Store(path)
    for name, tags in (("a", ("x", "y")), ("b", ()), ("c", ("x",))):
        store.add_job(Job(name, "crn", "sampler", "d", 1.0, 9, tags=tags), b"{}")
    store.connection.executescript(
        "DROP TABLE job_tags; DROP INDEX jobs_by_backend; DROP INDEX jobs_by_program; DROP INDEX jobs_by_creation;"
        "CREATE INDEX jobs_by_creation ON jobs (instance, created, id, session_id);"
        "DROP TRIGGER tags_of_new; DROP TRIGGER tags_of_changed; DROP TRIGGER tags_of_removed; PRAGMA user_version = 4;"
    )
    store.close()

    store = Store(path)

    assert store.connection.execute("PRAGMA user_version").fetchone() == (VERSION,)
    page, count = store.jobs(JobFilter("crn", tags=("x",)), limit=5, offset=0, ascending=True)
    assert ([job.id for job in page], count) == (["a", "c"], 2)
    columns = store.connection.execute("SELECT name FROM pragma_index_info('jobs_by_creation')").fetchall()
    assert columns == [("instance",), ("created",)]
    store.close()
