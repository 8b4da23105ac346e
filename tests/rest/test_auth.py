"""Tokens: cached, renewed in time, renewed once by many threads, never shown."""

from __future__ import annotations

import pickle
import threading
import time
from typing import Any
from urllib.parse import parse_qs

import pytest

from qiskit_rest_primitives.rest.auth import IamAuth, StaticBearer, life_of
from qiskit_rest_primitives.rest.messages import ExchangeError, FailureError, Request, Response
from qiskit_rest_primitives.rest.retry import RetryPolicy
from qiskit_rest_primitives.rest.transport import Transport

KEY = "s3cret-api-key"


class Iam:
    """A token service that numbers its tokens."""

    def __init__(self, jwt: Any, life: float = 1000.0) -> None:
        self.jwt, self.life, self.count = jwt, life, 0
        self.outcome: Any = None
        self.bodies: list[bytes] = []

    def __call__(self, outgoing: Any) -> Response:
        self.bodies.append(outgoing.body)
        if isinstance(self.outcome, Exception):
            raise self.outcome
        if self.outcome is not None:
            return self.outcome
        self.count += 1
        token = self.jwt(life=self.life, serial=self.count)
        return Response(200, {}, f'{{"access_token": "{token}", "expires_in": 9}}'.encode())


@pytest.fixture
def iam(jwt: Any) -> Iam:
    return Iam(jwt)


@pytest.fixture
def auth(iam: Iam, fake_time: Any) -> IamAuth:
    return IamAuth(KEY, "https://iam.example", iam, clock=fake_time.clock, cells={})


def test_the_exchange_is_the_documented_one(auth: IamAuth, iam: Iam) -> None:
    header = auth.headers()["Authorization"]

    assert header.startswith("Bearer eyJ")
    assert parse_qs(iam.bodies[0].decode()) == {
        "grant_type": ["urn:ibm:params:oauth:grant-type:apikey"],
        "apikey": [KEY],
        "response_type": ["cloud_iam"],
    }


def test_a_token_is_used_for_eighty_percent_of_its_life(auth: IamAuth, iam: Iam, fake_time: Any) -> None:
    first = auth.headers()
    fake_time.now += 799.0
    same = auth.headers()
    fake_time.now += 2.0
    renewed = auth.headers()

    assert first == same != renewed
    assert iam.count == 2


def test_a_token_that_still_lives_is_used_while_the_token_service_is_down(
    auth: IamAuth, iam: Iam, fake_time: Any
) -> None:
    first = auth.headers()
    iam.outcome = ExchangeError("no connection", kind="connect", sent=False)
    fake_time.now += 900.0

    assert [auth.headers() for _ in range(5)] == [first] * 5
    assert len(iam.bodies) == 2  # the failed renewal is not tried again by every request
    fake_time.now += 91.0
    with pytest.raises(FailureError):
        auth.headers()


def test_a_key_has_one_token_for_all_services_of_a_process(iam: Iam) -> None:
    cells: dict[str, Any] = {}
    one, two = (IamAuth(KEY, "https://iam.example", iam, cells=cells) for _ in range(2))
    other = IamAuth("another", "https://iam.example", iam, cells=cells)

    assert one.headers() == two.headers() != other.headers()
    assert iam.count == 2
    assert KEY not in repr(cells)


def test_a_rejected_token_is_renewed_unless_somebody_did_already(auth: IamAuth, iam: Iam) -> None:
    rejected = auth.headers()

    assert auth.renew(rejected) is True
    assert auth.renew(rejected) is True
    assert iam.count == 2


def test_many_threads_share_one_exchange_at_the_start(jwt: Any) -> None:
    iam = Iam(jwt)
    inner = iam.__call__

    def slow(outgoing: Any) -> Response:
        time.sleep(0.05)
        return inner(outgoing)

    auth = IamAuth(KEY, "https://iam.example", slow, cells={})
    seen: set[str] = set()
    threads = [threading.Thread(target=lambda: seen.add(auth.headers()["Authorization"])) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (iam.count, len(seen)) == (1, 1)


def test_many_threads_share_one_refresh_after_a_rejection(jwt: Any, fake_time: Any) -> None:
    iam = Iam(jwt)
    auth = IamAuth(KEY, "https://iam.example", iam, cells={})
    dead = auth.headers()["Authorization"]
    barrier = threading.Barrier(16)
    rejected = threading.local()

    def service(outgoing: Any) -> Response:
        if outgoing.headers["Authorization"] != dead:
            return Response(200, {}, b"{}")
        if not getattr(rejected, "once", False):
            rejected.once = True
            barrier.wait(600)  # all sixteen threads are rejected together
        return Response(401, {}, b"")

    transport = Transport("https://quantum.example", service, auth=auth)
    threads = [
        threading.Thread(target=transport.json, args=(Request("GET", "/x", "GET /x"),)) for _ in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert iam.count == 2


def test_early_renewal_holds_up_nobody(jwt: Any, fake_time: Any) -> None:
    iam = Iam(jwt)
    entered, leave = threading.Event(), threading.Event()

    def send(outgoing: Any) -> Response:
        if iam.count:
            entered.set()
            leave.wait(600)
        return iam(outgoing)

    auth = IamAuth(KEY, "https://iam.example", send, clock=fake_time.clock, cells={})
    first = auth.headers()
    fake_time.now += 850.0
    renewer = threading.Thread(target=auth.headers)
    renewer.start()
    entered.wait(600)

    assert auth.headers() == first
    leave.set()
    renewer.join()
    assert auth.headers() != first


def test_waiting_for_another_threads_exchange_is_bounded(jwt: Any) -> None:
    leave = threading.Event()

    def send(outgoing: Any) -> Response:
        leave.wait(600)
        return Iam(jwt)(outgoing)

    auth = IamAuth(KEY, "https://iam.example", send, cells={})
    other = threading.Thread(target=auth.headers)
    other.start()
    with pytest.raises(FailureError) as caught:
        auth.headers(timeout=0.2)
    still_busy = other.is_alive()
    leave.set()
    other.join()

    assert caught.value.failure.kind == "timeout"
    assert still_busy


@pytest.mark.parametrize(
    ("status", "kind", "attempts"), [(400, "auth", 1), (401, "auth", 1), (403, "auth", 1), (503, "status", 3)]
)
def test_a_refused_key_is_an_auth_failure_and_a_sick_token_service_is_asked_again(
    auth: IamAuth, iam: Iam, fake_time: Any, status: int, kind: str, attempts: int
) -> None:
    iam.outcome = Response(
        status, {}, b'{"errorCode": "BXNIM0415E", "errorMessage": "Provided API key could not be found."}'
    )
    transport = Transport(
        "https://quantum.example", iam, auth=auth, retry=RetryPolicy(attempts=3), sleep=fake_time.sleep
    )

    with pytest.raises(FailureError) as caught:
        transport.json(Request("GET", "/jobs", "GET /jobs"))

    failure = caught.value.failure
    assert (failure.kind, failure.code, len(iam.bodies)) == (kind, "BXNIM0415E", attempts)
    assert "Provided API key could not be found." in failure.message
    assert failure.operation == "GET /jobs"


@pytest.mark.parametrize("body", [b"[]", b"{}", b'{"access_token": 3}', b'{"access_token": ""}'])
def test_an_answer_without_token_is_a_failure(auth: IamAuth, iam: Iam, body: bytes) -> None:
    iam.outcome = Response(200, {}, body)

    with pytest.raises(FailureError, match=r"no access token|not a JSON object"):
        auth.headers()


def test_the_key_is_not_sent_unencrypted_to_another_machine(iam: Iam) -> None:
    with pytest.raises(FailureError) as caught:
        IamAuth(KEY, "http://iam.example", iam, cells={}).headers()

    assert caught.value.failure.kind == "refused"
    assert iam.bodies == []


def test_life_is_read_from_the_token_then_the_answer_then_assumed(jwt: Any) -> None:
    assert life_of(jwt(life=1800), {"expires_in": 9}) == 1800
    assert life_of("opaque", {"expires_in": 9}) == 9
    assert life_of("a.b.c", {}) == 3600
    assert life_of("a.e30.c", {"expires_in": "x"}) == 3600


def test_a_fixed_token_signs_and_cannot_be_renewed() -> None:
    secret = StaticBearer(KEY)

    assert secret.headers() == {"Authorization": f"Bearer {KEY}"}
    assert secret.renew(secret.headers()) is False


def test_no_secret_is_shown_or_pickled(auth: IamAuth) -> None:
    auth.headers()
    for secret in (StaticBearer(KEY), auth):
        assert KEY not in repr(secret)
        assert "eyJ" not in repr(secret)
        with pytest.raises(TypeError, match="cannot be pickled"):
            pickle.dumps(secret)
