"""The classic dialect: login, logout, hub/group/project."""

from __future__ import annotations

import json
import pickle
import threading
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from qiskit_rest_primitives.accounts.account import Account
from qiskit_rest_primitives.rest.legacy import LoginAuth, Provider, connect_legacy
from qiskit_rest_primitives.rest.messages import FailureError, Response

TOKEN = "s3cret-api-token"
ACCOUNT = Account(
    channel="ibm_quantum", token=TOKEN, url="https://q.example/runtime", instance="hub/group/project"
)


class Classic:
    """A server that speaks the classic dialect; access tokens can be made to expire."""

    def __init__(self) -> None:
        self.logins = 0
        self.alive: set[str] = set()
        self.seen: list[Any] = []
        self.lock = threading.Lock()

    def __call__(self, outgoing: Any) -> Response:
        parts = urlsplit(outgoing.url)
        document = json.loads(outgoing.body) if outgoing.body else None
        access = outgoing.headers.get("x-access-token")
        with self.lock:
            self.seen.append((outgoing.method, parts.path, parse_qs(parts.query), document, outgoing.headers))
            if parts.path == "/api/users/loginWithToken":
                if document != {"apiToken": TOKEN}:
                    return self.answer(401, {"error": {"status": 401, "name": "Error", "message": "no"}})
                self.logins += 1
                self.alive.add(f"access-{self.logins}")
                return self.answer(200, {"id": f"access-{self.logins}", "ttl": 1})
            if access not in self.alive:
                return self.answer(401, {"error": {"status": 401, "code": "X", "message": "token is dead"}})
            if parts.path == "/api/users/logout":
                self.alive.discard(access)
                return Response(204, {})
            if parts.path == "/api/users/me":
                return self.answer(200, {"urls": {"services": {"runtime": "https://r.example/runtime"}}})
            if parts.path == "/runtime/backends":
                return self.answer(200, {"devices": ["ibm_old"]})
            if (outgoing.method, parts.path) == ("GET", "/runtime/jobs"):
                return self.answer(200, {"jobs": [], "count": 0})
            return self.answer(200, {"id": "x"})

    def answer(self, status: int, document: Any) -> Response:
        return Response(status, {}, json.dumps(document).encode())


@pytest.fixture
def classic() -> Classic:
    return Classic()


def test_one_login_serves_all_requests(classic: Classic) -> None:
    api = connect_legacy(ACCOUNT, send=classic)

    assert [device.name for device in api.backends()] == ["ibm_old"]
    api.jobs(limit=5)

    assert classic.logins == 1
    _, login, backends, jobs = [None, *classic.seen]
    assert login[:2] == ("POST", "/api/users/loginWithToken")
    assert TOKEN not in str(login[4])
    assert backends[1:3] == ("/runtime/backends", {"provider": ["hub/group/project"]})
    assert backends[4]["x-access-token"] == "access-1"
    assert not {"Authorization", "Service-CRN", "IBM-API-Version"} & set(backends[4])
    assert jobs[2] == {"provider": ["hub/group/project"], "limit": ["5"], "exclude_params": ["true"]}


def test_jobs_belong_to_the_provider_and_are_made_once(classic: Classic) -> None:
    record = connect_legacy(ACCOUNT, send=classic).create_job(
        {"program_id": "sampler", "backend": "b", "params": {}}
    )

    method, path, _, document, headers = classic.seen[-1]
    assert (method, path, record.id) == ("POST", "/runtime/jobs", "x")
    assert (document["hub"], document["group"], document["project"]) == ("hub", "group", "project")
    assert document["tags"] == [f"qrp-sub-{headers['Idempotency-Key']}"]


def test_sessions_use_the_old_words(classic: Classic) -> None:
    session = connect_legacy(ACCOUNT, send=classic).create_session(mode="batch", backend="b", max_ttl=60)

    assert session.id == "x"
    assert classic.seen[-1][3] == {
        "mode": "batch",
        "backend": "b",
        "max_session_ttl": 60,
        "instance": "hub/group/project",
    }


def test_a_dead_access_token_is_replaced_once(classic: Classic) -> None:
    api = connect_legacy(ACCOUNT, send=classic)
    api.backends()
    classic.alive.clear()

    assert api.job("x").id == "x"
    assert classic.logins == 2


def test_logging_out_twice_is_no_error_and_the_next_request_logs_in(classic: Classic) -> None:
    auth = LoginAuth(TOKEN, "https://q.example/api", classic)
    api = connect_legacy(ACCOUNT, send=classic, auth=auth)
    api.backends()
    auth.logout()
    auth.logout()
    assert classic.alive == set()

    api.backends()
    classic.alive.clear()
    auth.logout()

    assert classic.logins == 2


def test_the_login_service_knows_where_the_runtime_is(classic: Classic) -> None:
    account = Account(channel="ibm_quantum", token=TOKEN, url="https://q.example/api", instance="h/g/p")

    assert connect_legacy(account, send=classic).transport.base_url == "https://r.example/runtime"


def test_a_wrong_token_is_an_auth_failure(classic: Classic) -> None:
    account = Account(channel="ibm_quantum", token="wrong", url="https://q.example/runtime", instance="h/g/p")

    with pytest.raises(FailureError) as caught:
        connect_legacy(account, send=classic).backends()

    assert caught.value.failure.kind == "auth"
    assert "wrong" not in str(caught.value)


def test_the_token_is_not_sent_unencrypted_to_another_machine(classic: Classic) -> None:
    with pytest.raises(FailureError) as caught:
        LoginAuth(TOKEN, "http://q.example/api", classic).headers()

    assert caught.value.failure.kind == "refused"
    assert classic.seen == []


@pytest.mark.parametrize("text", [None, "", "a/b", "a/b/c/d", "a//c", "crn:v1:x"])
def test_an_instance_of_another_form_is_refused(text: str | None) -> None:
    with pytest.raises(ValueError, match="hub/group/project"):
        Provider.from_text(text)


def test_no_secret_is_shown_or_pickled(classic: Classic) -> None:
    auth = LoginAuth(TOKEN, "https://q.example/api", classic)
    auth.headers()

    assert TOKEN not in repr(auth)
    assert "access-" not in repr(auth)
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(auth)
