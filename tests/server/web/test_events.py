"""Server-sent events: in order, to whom they concern, from where a listener left off, and at nobody's expense."""

from __future__ import annotations

import asyncio
import json
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any

from qiskit_rest_primitives.server.jobs.completion import KEPT, Changes
from qiskit_rest_primitives.server.settings import DEFAULT_CRN, Instance
from qiskit_rest_primitives.server.web import events

OTHER = Instance(
    crn=re.sub("10ca1000-0000-4000-8000-000000000001", "10ca1000-0000-4000-8000-000000000002", DEFAULT_CRN),
    name="other",
)


class Stream:
    """One listener."""

    def __init__(self, visitor: Any, query: str = "", last: str | None = None) -> None:
        headers = {} if last is None else {"Last-Event-ID": last}
        self.answer = visitor("GET", f"/web/events{query}", headers=headers, stream=True)
        assert self.answer.status_code == 200, self.answer.text
        assert self.answer.headers["Content-Type"].startswith("text/event-stream")
        self.last: str | None = None
        self._lines = self.answer.iter_lines(chunk_size=1, decode_unicode=True)

    def __iter__(self) -> Iterator[tuple[str, list[tuple[str, str]]]]:
        """Yield events: their kind, and the (id, status) that they tell."""
        found: dict[str, str] = {}
        for line in self._lines:
            if line:
                name, _, value = line.partition(": ")
                found[name] = value
            elif "event" in found:
                self.last = found["id"]
                yield found["event"], [(each["id"], each["status"]) for each in json.loads(found["data"])]
                found = {}

    def until(self, job: str, status: str) -> list[str]:
        """Return the states of a job that are told, up to one."""
        seen: list[str] = []
        for _, told in self:
            seen += [what for which, what in told if which == job]
            if status in seen:
                return seen
        raise AssertionError(f"the stream ended after {seen}")


def test_changes_are_told_and_told_again_to_who_missed_them(
    start: Callable[..., Any], stage: Any, visit: Callable[..., Any]
) -> None:
    call = start(instances=[Instance(), OTHER])
    visitor = visit(call.server)
    held = stage.hold("held")
    mine, others = Stream(visitor), Stream(visitor, "?instance=1")
    with closing(mine.answer), closing(others.answer):
        assert next(iter(mine)) == ("reset", [])
        job = call.submit(params=held)
        assert mine.until(job, "Running")[-1] == "Running"
        seen = mine.last
        stage.release("held")
        mine.until(job, "Completed")
        theirs = call("POST", "/jobs", json=body(), headers={"Service-CRN": OTHER.crn}).json()["id"]
        next(iter(others))
        told = others.until(theirs, "Completed")
        assert told[-1] == "Completed"
    again = Stream(visitor, last=seen)
    with closing(again.answer):
        kind, told = next(iter(again))
        assert (kind, dict(told)) == ("changes", {job: "Completed"})
    for unknown in ("", "0-0", "other-3", f"{(seen or '').partition('-')[0]}-999999", "x" * 500):
        stream = Stream(visitor, last=unknown)
        with closing(stream.answer):
            assert next(iter(stream)) == ("reset", [])


def body() -> dict[str, Any]:
    return {"program_id": "sampler", "backend": "aer_simulator", "params": {"pubs": [["x"]]}}


def test_a_listener_that_does_not_read_holds_up_nobody(
    start: Callable[..., Any], visit: Callable[..., Any], wait_for: Callable[..., Any]
) -> None:
    """It costs a place among the listeners; when it reads on, it learns that it missed something."""
    call = start()
    visitor = visit(call.server)
    cookie = "; ".join(f"{each.name}={each.value}" for each in visitor.session.cookies)
    host, port = visitor.base.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.sendall(f"GET /web/events HTTP/1.1\r\nHost: {host}:{port}\r\nCookie: {cookie}\r\n\r\n".encode())
        listeners = call.server._server._app.state.listeners
        wait_for(lambda: listeners.count == 1, "the listener")
        server = call.server._server
        changes = server._app.state.server.store.changes
        for number in range(400):  # more than the buffers of a connection hold
            long = f"{number}{'x' * 100_000}"
            server._loop.call_soon_threadsafe(changes.note, DEFAULT_CRN, "job", long, "Queued")
        jobs = [call.submit() for _ in range(10)]
        assert {call.wait(job)["status"] for job in jobs} == {"Completed"}
        assert listeners.count == 1
    wait_for(lambda: listeners.count == 0 or call.submit() == "", "the end of the listener")


def test_no_burst_passes_the_bound(
    start: Callable[..., Any], visit: Callable[..., Any], monkeypatch: Any, wait_for: Callable[..., Any]
) -> None:
    monkeypatch.setattr(events, "MOST_LISTENERS", 2)
    call = start()
    visitor = visit(call.server)
    cookie = "; ".join(f"{each.name}={each.value}" for each in visitor.session.cookies)
    host, port = visitor.base.removeprefix("http://").split(":")
    with ExitStack() as opened:
        sockets = [opened.enter_context(socket.create_connection((host, int(port)))) for _ in range(40)]
        for each in sockets:
            each.sendall(
                f"GET /web/events HTTP/1.1\r\nHost: {host}:{port}\r\nCookie: {cookie}\r\n\r\n".encode()
            )
        statuses = [each.recv(12)[9:] for each in sockets]

    assert sorted(statuses) == [b"200"] * 2 + [b"503"] * 38
    listeners = call.server._server._app.state.listeners
    wait_for(lambda: listeners.count == 0 or call.submit() == "", "the ends of the listeners")


def test_there_is_a_bound_and_the_end_of_the_server_lets_go(
    start: Callable[..., Any], visit: Callable[..., Any], monkeypatch: Any
) -> None:
    monkeypatch.setattr(events, "MOST_LISTENERS", 2)
    call = start()
    visitor = visit(call.server)
    streams = [Stream(visitor) for _ in range(2)]
    for stream in streams:
        next(iter(stream))
    refused = visitor("GET", "/web/events")
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "10")

    call.server.stop()

    assert [list(stream) for stream in streams] == [[], []], "both came to their ends, without an error"


def test_who_signs_out_is_told_nothing_more(
    start: Callable[..., Any], visit: Callable[..., Any], monkeypatch: Any
) -> None:
    monkeypatch.setattr(events, "SILENCE_SECONDS", 0.1)
    call = start()
    visitor = visit(call.server)
    stream = Stream(visitor)
    next(iter(stream))
    assert visitor("POST", "/web/sign-out", headers={"X-Workloads": "1"}).status_code == 204

    assert list(stream) == []


def test_only_the_latest_changes_are_kept() -> None:
    """A reader that is further behind than that looks at everything anew."""
    changes = Changes()
    for number in range(KEPT + 10):
        changes.note("mine" if number % 2 else "other", "job", str(number), "Queued")

    assert changes.since(changes.last, "mine") == []
    assert [each.id for each in changes.since(KEPT + 5, "mine") or ()] == [
        str(KEPT + 5),
        str(KEPT + 7),
        str(KEPT + 9),
    ]
    assert len(changes.since(10, "mine") or ()) == KEPT // 2
    assert changes.since(9, "mine") is None
    assert changes.since(changes.last + 1, "mine") is None

    async def ended() -> None:
        waiting = asyncio.ensure_future(changes.wait("mine", 600))
        await asyncio.sleep(0)
        changes.end()
        await waiting
        await changes.wait("mine", 600)

    asyncio.run(ended())
