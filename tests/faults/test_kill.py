"""A submitting process is killed at any moment: nothing is unknown to both journal and service, nothing is double."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from qiskit_rest_primitives.accounts.account import Account
from qiskit_rest_primitives.rest.connect import connect
from qiskit_rest_primitives.rest.journal import Journal
from qiskit_rest_primitives.rest.lookup import submission_of
from qiskit_rest_primitives.rest.submission import Submissions
from qiskit_rest_primitives.server.embedded import serve

SCRIPT = """
import os, sys
from qiskit_rest_primitives.accounts.account import Account
from qiskit_rest_primitives.rest.connect import connect
from qiskit_rest_primitives.rest.journal import Journal

account = Account(token=os.environ["TEST_TOKEN"], url=sys.argv[1], instance=sys.argv[2])
api = connect(account, journal=Journal(sys.argv[3]))
text = 'OPENQASM 3.0; include "stdgates.inc"; bit[1] m; qubit[1] q; m = measure q;'
body = {"program_id": "sampler", "backend": "aer_simulator", "params": {"pubs": [[text, None, 1]], "version": 2}}
api.backends()
print("ready", flush=True)
while True:
    print(api.create_job(body).id, flush=True)
"""


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL; POSIX only")
@pytest.mark.parametrize("kills", [15, pytest.param(50, marks=pytest.mark.slow)])
def test_kills_lose_and_double_nothing(tmp_path: Path, kills: int) -> None:
    path = tmp_path / "journal.sqlite"
    moments = random.Random(7)
    with serve() as server:
        point = server.endpoint
        for number in range(kills):
            process = subprocess.Popen(
                [sys.executable, "-c", SCRIPT, point.url, point.instance, str(path)],
                stdout=subprocess.PIPE,
                env={**os.environ, "TEST_TOKEN": point.token},
                text=True,
            )
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            if number % 2:
                process.stdout.readline()  # however busy the machine is, half of the kills come after the first job
            time.sleep(moments.uniform(0.0, 0.03))
            process.send_signal(signal.SIGKILL)
            process.stdout.close()
            process.wait()

        api = connect(Account(token=point.token, url=point.url, instance=point.instance))
        journal = Journal(path)
        submissions = Submissions(api.transport, journal=journal)
        page = api.jobs(limit=200)
        jobs = list(page.jobs)
        while len(jobs) < page.count:
            jobs += api.jobs(limit=200, offset=len(jobs)).jobs
        known = {entry.id: entry for entry in journal.unfinished()}
        per_submission = Counter(submission_of(job.tags) for job in jobs)
        open_ends = [entry.id for entry in known.values() if entry.state == "sending"]
        settled = {identifier: submissions.find(identifier) for identifier in open_ends}

    assert jobs, "every kill came before the first submission; the test proved nothing"
    assert open_ends, "no kill hit a submission on its way; the test proved nothing"
    assert set(per_submission) <= set(known)
    assert set(per_submission.values()) == {1}
    for identifier, job in settled.items():
        assert (job is not None) == (identifier in per_submission)
    by_id = {job.id: submission_of(job.tags) for job in jobs}
    assert all(
        by_id[entry.job_id] == entry.id
        for entry in known.values()
        if entry.state == "accepted" and entry.job_id
    )
