"""Services whose pages have no end: asking for all jobs ends all the same, with all of them or with an error."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from qiskit_rest_primitives.exceptions import IBMApiError
from qiskit_rest_primitives.jobs.search import ARRIVALS, find_jobs
from qiskit_rest_primitives.rest.api import Api
from qiskit_rest_primitives.rest.http_client import Engine
from qiskit_rest_primitives.rest.transport import Transport

Pages = Callable[[int, int, int], tuple[list[int], int]]


@pytest.fixture
def service() -> Iterator[Callable[[Pages], tuple[Api, list[int]]]]:
    """Start a service: its pages are a function of how often it was asked, offset and limit; and the offsets asked for."""
    running: list[ThreadingHTTPServer] = []

    def start(pages: Pages) -> tuple[Api, list[int]]:
        offsets: list[int] = []

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                query = parse_qs(urlsplit(self.path).query)
                offset, limit = (int(query.get(name, ["0"])[0]) for name in ("offset", "limit"))
                numbers, count = pages(len(offsets), offset, limit)
                offsets.append(offset)
                jobs = [
                    {"id": f"j{n}", "state": {"status": "Completed"}, "program": {"id": "sampler"}}
                    for n in numbers
                ]
                text = json.dumps({"jobs": jobs, "count": count}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        running.append(server)
        return Api(Transport(f"http://127.0.0.1:{server.server_port}", Engine())), offsets

    yield start
    for server in running:
        server.shutdown()
        server.server_close()


ENDLESS: dict[str, Pages] = {
    "the same page, and a count far away": lambda asked, offset, limit: (list(range(limit)), 10**9),
    "the same page, and a count that grows": lambda asked, offset, limit: (
        list(range(limit)),
        10**9 * (asked + 1),
    ),
    "the same page for both of two": lambda asked, offset, limit: (list(range(limit)), 300),
    "one job for ever": lambda asked, offset, limit: ([7], 10),
    "two pages in turns": lambda asked, offset, limit: ([asked % 2], 10**9),
    "new jobs for ever": lambda asked, offset, limit: (
        list(range(offset, offset + 5 * limit)),
        offset + 10 * limit,
    ),
}


@pytest.mark.parametrize("pages", ENDLESS.values(), ids=ENDLESS)
def test_pages_without_end_are_an_error_and_not_a_short_list(
    service: Callable[[Pages], tuple[Api, list[int]]], pages: Pages
) -> None:
    api, offsets = service(pages)

    with pytest.raises(IBMApiError, match=r"does not page through .* limit=|has no end: .* limit="):
        find_jobs(api, limit=None)
    assert len(offsets) <= 5 + ARRIVALS // 1000
    assert len(find_jobs(api, limit=1)) == 1


def among(jobs: list[int]) -> Pages:
    """Return the pages of a service that does as it should."""
    return lambda asked, offset, limit: (jobs[offset : offset + limit], len(jobs))


def arriving(asked: int, offset: int, limit: int) -> tuple[list[int], int]:
    """Newest first, and before each question another job comes."""
    jobs = list(range(450 + asked, 0, -1))
    return jobs[offset : offset + limit], len(jobs)


def one_arrives(asked: int, offset: int, limit: int) -> tuple[list[int], int]:
    """One job to a page, whatever is asked for; another one comes behind the first page."""
    jobs = [0, *range(1, 6)] if asked else [*range(1, 6)]
    return jobs[offset : offset + 1], len(jobs)


@pytest.mark.parametrize(
    ("pages", "limit", "skip", "expected"),
    [
        (among([]), None, 0, []),
        (among([*range(450)]), None, 0, [*range(450)]),
        (among([*range(450)]), 300, 100, [*range(100, 400)]),
        (among([*range(400)]), None, 500, []),
        (arriving, None, 0, [*range(450, 0, -1)]),
        (arriving, 300, 0, [*range(450, 150, -1)]),
        (one_arrives, None, 0, [1, 2, 3, 4, 5]),
        (lambda asked, offset, limit: ([*range(limit)] if asked == 0 else [], 10**9), None, 0, [*range(200)]),
        (lambda asked, offset, limit: ([*range(450)], 450), 250, 0, [*range(250)]),
    ],
    ids=[
        "none",
        "all",
        "some",
        "past the end",
        "arrivals",
        "arrivals and a limit",
        "one to a page",
        "empty",
        "whole",
    ],
)
def test_pages_that_end_give_each_job_once(
    service: Callable[[Pages], tuple[Api, list[int]]],
    pages: Pages,
    limit: int | None,
    skip: int,
    expected: list[int],
) -> None:
    api, _ = service(pages)

    assert [record.id for record in find_jobs(api, limit=limit, skip=skip)] == [
        f"j{number}" for number in expected
    ]
