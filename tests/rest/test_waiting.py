"""Waiting: how often is asked, what is survived, and when it ends."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from qiskit_rest_primitives.accounts.account import Account
from qiskit_rest_primitives.rest.api import Api
from qiskit_rest_primitives.rest.connect import connect
from qiskit_rest_primitives.rest.messages import ExchangeError, FailureError, Response
from qiskit_rest_primitives.rest.retry import (
    LONGEST,
    LONGEST_ASKED,
    PATIENCE,
    SHORTEST,
    WaitTimeout,
    next_pause,
    wait_for_final,
)
from qiskit_rest_primitives.rest.transport import Transport

DOWN = ExchangeError(
    "no connection to h:443: Temporary failure in name resolution", kind="connect", sent=False
)


class Service:
    """A service whose job is final at some moment of a fake clock."""

    def __init__(self, fake_time: Any, *, final_at: float, holds: bool, trouble: Any = None) -> None:
        self.time, self.final_at, self.holds, self.trouble = (
            fake_time,
            fake_time.now + final_at,
            holds,
            trouble,
        )
        self.asked: list[float] = []
        self.outgoing: list[Any] = []

    def __call__(self, outgoing: Any) -> Response:
        start = self.time.now
        self.asked.append(start)
        self.outgoing.append(outgoing)
        trouble = self.trouble(start) if self.trouble else None
        if isinstance(trouble, ExchangeError):
            raise trouble
        if trouble is not None:
            return trouble
        headers = {}
        wish = outgoing.headers.get("Prefer", "")
        if self.holds and wish:
            headers["preference-applied"] = wish
            self.time.now = min(start + float(wish.partition("=")[2]), max(self.final_at, start))
        self.time.now += 0.002
        status = "Completed" if self.time.now >= self.final_at else "Running"
        return Response(200, headers, f'{{"id": "j", "state": {{"status": "{status}"}}}}'.encode())


@pytest.fixture
def wait(fake_time: Any) -> Any:
    def wait(service: Any, **more: Any) -> Any:
        transport = Transport("https://q.example", service, clock=fake_time.clock, sleep=fake_time.sleep)
        return wait_for_final(
            Api(transport), "j", clock=fake_time.clock, sleep=fake_time.sleep, random=lambda: 0.0, **more
        )

    return wait


def test_a_server_that_holds_its_answer_is_asked_rarely_and_no_time_is_lost(
    wait: Any, fake_time: Any
) -> None:
    service = Service(fake_time, final_at=60.0, holds=True)

    record = wait(service)

    assert record.status == "Completed"
    assert len(service.asked) == 3
    assert fake_time.now == pytest.approx(1060.0, abs=0.05)
    assert fake_time.pauses == []


def test_without_holding_the_interval_grows_and_is_capped(wait: Any, fake_time: Any) -> None:
    wait(Service(fake_time, final_at=3600.0, holds=False))

    assert fake_time.pauses[0] == SHORTEST
    assert fake_time.pauses == sorted(fake_time.pauses)
    assert max(fake_time.pauses) == LONGEST
    assert fake_time.now - 4600.0 <= LONGEST + 1.0
    assert len(fake_time.pauses) < 300


@pytest.mark.parametrize("final_at", [0.5, 3.0, 20.0, 120.0])
def test_a_job_is_noticed_within_a_tenth_of_its_time(wait: Any, fake_time: Any, final_at: float) -> None:
    wait(Service(fake_time, final_at=final_at, holds=False))

    assert fake_time.now - 1000.0 - final_at <= max(0.1 * final_at * 1.1, SHORTEST + 0.01)


def test_a_given_interval_is_kept_and_nothing_is_held(wait: Any, fake_time: Any) -> None:
    service = Service(fake_time, final_at=2.0, holds=True)

    wait(service, interval=0.5)

    assert set(fake_time.pauses) == {0.5}
    assert all("Prefer" not in outgoing.headers for outgoing in service.outgoing)


def test_a_server_that_claims_to_hold_but_does_not_is_not_stormed(wait: Any, fake_time: Any) -> None:
    def hasty(start: float) -> Response:
        fake_time.now += 0.001
        return Response(200, {"preference-applied": "wait=25"}, b'{"id": "j", "state": {"status": "Queued"}}')

    with pytest.raises(WaitTimeout):
        wait(Service(fake_time, final_at=1e9, holds=True, trouble=hasty), timeout=60.0)

    assert len(fake_time.pauses) < 100


@pytest.mark.parametrize(
    "trouble",
    [
        DOWN,
        Response(429, {"retry-after": "3"}),
        Response(500, {}),
        Response(503, {}),
        Response(524, {}, b"a timeout occurred"),
        Response(200, {"content-type": "text/html"}, b"<html>"),
        Response(200, {}, b""),
        Response(200, {}, b'{"id": "j", "sta'),
        Response(200, {}, b"[]"),
    ],
)
@pytest.mark.parametrize("holds", [True, False])
def test_troubles_are_survived(wait: Any, fake_time: Any, trouble: Any, holds: bool) -> None:
    service = Service(
        fake_time, final_at=100.0, holds=holds, trouble=lambda now: trouble if 1020 < now < 1080 else None
    )

    assert wait(service, timeout=150.0).status == "Completed"
    assert fake_time.now <= 1100.0 + LONGEST + 1.0


def test_retry_after_is_honoured(wait: Any, fake_time: Any) -> None:
    service = Service(
        fake_time,
        final_at=0.0,
        holds=False,
        trouble=lambda now: Response(429, {"retry-after": "7"}) if now == 1000.0 else None,
    )

    wait(service)

    assert service.asked == [1000.0, 1007.0]


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_what_asking_again_cannot_mend_is_raised_at_once(wait: Any, fake_time: Any, status: int) -> None:
    service = Service(fake_time, final_at=1.0, holds=False, trouble=lambda now: Response(status, {}))

    with pytest.raises(FailureError) as caught:
        wait(service)

    assert caught.value.failure.status == status
    assert caught.value.failure.job_id == "j"
    assert len(service.asked) == 1


@pytest.mark.parametrize("timeout", [0.0, 0.3, 1.0, 2.7, 60.0])
@pytest.mark.parametrize("holds", [True, False])
def test_a_timeout_is_kept(wait: Any, fake_time: Any, timeout: float, holds: bool) -> None:
    service = Service(fake_time, final_at=1e9, holds=holds)

    with pytest.raises(WaitTimeout, match="status Running") as caught:
        wait(service, timeout=timeout)

    assert caught.value.job_id == "j"
    assert caught.value.record is not None
    assert timeout <= fake_time.now - 1000.0 <= timeout + 0.3


def test_a_timeout_is_kept_by_a_service_that_is_down_too(wait: Any, fake_time: Any) -> None:
    with pytest.raises(WaitTimeout, match="name resolution") as caught:
        wait(Service(fake_time, final_at=1e9, holds=True, trouble=lambda now: DOWN), timeout=30.0)

    assert caught.value.failure is not None
    assert fake_time.now - 1000.0 == pytest.approx(30.0)


def test_without_a_timeout_an_outage_is_given_up_after_an_hour(wait: Any, fake_time: Any) -> None:
    with pytest.raises(FailureError):
        wait(Service(fake_time, final_at=1e9, holds=True, trouble=lambda now: DOWN))

    assert PATIENCE < fake_time.now - 1000.0 < PATIENCE + 60.0


def test_the_pause_takes_the_longer_of_both_wishes() -> None:
    assert next_pause(10.0, interval=None, asked_for=None, jitter=0.0) == 1.0
    assert next_pause(10.0, interval=None, asked_for=None, jitter=0.5) == 0.9
    assert next_pause(10.0, interval=None, asked_for=5.0, jitter=0.5) == 5.0
    assert next_pause(10.0, interval=2.0, asked_for=None, jitter=0.5) == 2.0
    assert next_pause(10.0, interval=2.0, asked_for=5.0, jitter=0.5) == 5.0
    assert next_pause(10.0, interval=None, asked_for=86400.0, jitter=0.5) == LONGEST_ASKED
    assert next_pause(0.0, interval=0.0, asked_for=None, jitter=0.5) == 0.0


def test_a_server_that_hangs_does_not_hold_up_the_timeout(tcp_server: Any) -> None:
    let_go = threading.Event()

    def hang(connection: Any) -> None:
        time.sleep(50)  # less than the silence after which a request is given up
        let_go.set()

    api = connect(Account(token="t", url=tcp_server(hang).url), auth=None)
    start = time.monotonic()

    with pytest.raises(WaitTimeout):
        wait_for_final(api, "j", timeout=0.8)

    assert not let_go.is_set()
    assert time.monotonic() - start >= 0.8
