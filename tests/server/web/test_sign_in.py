"""Who gets in by which door: links once, cookies here, tokens there; and no other page can act for a browser."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from qiskit_rest_primitives.server.web.pages import POLICY, _routes
from qiskit_rest_primitives.server.web.sign_in import COOKIE_SECONDS, LINK_SECONDS, MOST_WRONG, WRONG_SECONDS

from .conftest import OWN

READS = [
    "/web/workloads", "/web/jobs", "/web/jobs/x", "/web/jobs/x/inputs", "/web/jobs/x/result", "/web/jobs/x/log",
    "/web/sessions/x", "/web/backends", "/web/backends/local_heron", "/web/usage", "/web/events",
]  # fmt: skip
WRITES = ["/web/jobs/x/cancel", "/web/sessions/x/close", "/web/link"]
OPEN = ["/", "/docs", "/web/static/{name}", "/web/account", "/web/sign-in", "/web/sign-out"]
HTML = {"Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"}


def test_every_route_is_in_a_list_of_these_tests() -> None:
    asked = {re.sub(r"\{(id|name)\}", "*", route.path) for route in _routes()}
    listed = {re.sub(r"/x\b|/local_heron", "/*", path) for path in READS + WRITES + OPEN}

    assert asked == {path.replace("{name}", "*") for path in listed}
    assert {route.path for route in _routes() if "POST" in route.methods} == {
        path.replace("/x/", "/{id}/") for path in [*WRITES, "/web/sign-in", "/web/sign-out"]
    }


@pytest.mark.parametrize("path", READS + WRITES)
def test_nothing_is_told_to_strangers(path: str, server: Any, visit: Callable[..., Any]) -> None:
    stranger = visit(server, signed_in=False)
    key = {"Authorization": f"apikey {server.endpoint.token}", "Service-CRN": server.endpoint.instance}

    for headers in ({}, key, {"Cookie": "workloads_1=guessed"}):
        answer = stranger("POST" if path in WRITES else "GET", path, headers={**OWN, **headers})
        assert answer.status_code == 401
        assert answer.json()["errors"][0]["code"] == "not_signed_in"


@pytest.mark.parametrize("path", WRITES)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_no_state_is_changed_by_a_get(method: str, path: str, server: Any, visit: Callable[..., Any]) -> None:
    assert visit(server)(method, path, headers=OWN).status_code == 405


def test_a_cookie_opens_the_page_and_not_the_api(server: Any, visit: Callable[..., Any]) -> None:
    visitor = visit(server)

    assert visitor.get("/web/account")["signed_in"]
    for path in ("/api/v1/jobs", "/jobs", "/runtime/jobs"):
        answer = visitor("GET", path, headers={"Service-CRN": server.endpoint.instance})
        assert answer.status_code == 401


def test_a_link_is_good_once_and_for_a_while(
    start: Callable[..., Any], clock: Any, visit: Callable[..., Any]
) -> None:
    server = start(lambda s: replace(s, clock=clock)).server
    stranger = visit(server, signed_in=False)
    late, used, newest = (server.login_link().partition("#login=")[2] for _ in range(3))
    assert len({late, used, newest}) == 3
    assert min(map(len, (late, used, newest))) >= 43, "256 bits"

    assert stranger.sign_in(code=used).status_code == 204
    assert stranger.sign_in(code=used).status_code == 403
    clock.advance(LINK_SECONDS + 1)
    assert stranger.sign_in(code=late).status_code == 403
    for given in ({"code": "x" * 43}, {"code": None}, {"key": "wrong"}, {"code": 7}, {}):
        assert stranger.sign_in(**given).status_code == 403
    assert stranger.get("/web/account")["signed_in"]
    clock.advance(COOKIE_SECONDS)
    assert not stranger.get("/web/account")["signed_in"]
    assert stranger.sign_in(key=server.endpoint.token).status_code == 204
    assert stranger.get("/web/account")["signed_in"]


def test_wrong_keys_are_slowed_down_and_links_are_not(
    start: Callable[..., Any], clock: Any, visit: Callable[..., Any]
) -> None:
    server = start(lambda s: replace(s, clock=clock)).server
    stranger = visit(server, signed_in=False)
    for number in range(MOST_WRONG):
        assert stranger.sign_in(key=f"guess {number}").status_code == 403
        clock.advance(1)
    refused = stranger.sign_in(key=server.endpoint.token)
    assert refused.status_code == 429, "else one would learn which key is right all the same"
    assert 0 < int(refused.headers["Retry-After"]) <= WRONG_SECONDS
    assert stranger.sign_in(code=server.login_link().partition("#login=")[2]).status_code == 204

    clock.advance(int(refused.headers["Retry-After"]))
    assert stranger.sign_in(key=server.endpoint.token).status_code == 204


def test_the_cookie_is_hidden_from_scripts_and_other_sites(server: Any, visit: Callable[..., Any]) -> None:
    visitor = visit(server, signed_in=False)
    code = server.login_link().partition("#login=")[2]
    cookie = visitor.sign_in(code=code).headers["Set-Cookie"]
    value = cookie.partition(";")[0].partition("=")[2]

    assert {part.strip().lower() for part in cookie.split(";")[1:]} == {
        "httponly",
        f"max-age={COOKIE_SECONDS}",
        "path=/",
        "samesite=strict",
    }
    assert value not in str(vars(server._server._app.state.sign_ins)), "only its hash is kept"
    assert visitor("POST", "/web/sign-out", headers=OWN).status_code == 204
    again = visitor("GET", "/web/workloads", headers={"Cookie": cookie.partition(";")[0]})
    assert again.status_code == 401, "signing out makes it worthless"


def test_a_signed_in_person_gets_links_for_others(server: Any, visit: Callable[..., Any]) -> None:
    link = visit(server)("POST", "/web/link", headers=OWN).json()["link"]
    other = visit(server, signed_in=False)

    assert link.startswith(f"{server.endpoint.iam_url}/#login=")
    assert other.sign_in(code=link.partition("=")[2]).status_code == 204


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {**OWN, "Origin": "http://127.0.0.1:9"},
        {**OWN, "Origin": "null"},
        {**OWN, "Sec-Fetch-Site": "cross-site"},
        {**OWN, "Sec-Fetch-Site": "same-site"},
    ],
)
def test_another_page_cannot_act_for_a_browser(
    headers: dict[str, str], start: Callable[..., Any], stage: Any, visit: Callable[..., Any]
) -> None:
    """Faults CSRF: cookies of a host are sent by pages of all its ports, and ``SameSite`` does not tell these apart."""
    call = start()
    visitor = visit(call.server)
    job = call.submit(params=stage.hold("held"))
    session = call("POST", "/sessions", json={"mode": "batch", "backend": "aer_simulator"}).json()["id"]

    for path in (f"/web/jobs/{job}/cancel", f"/web/sessions/{session}/close", "/web/link", "/web/sign-out"):
        assert visitor("POST", path, headers=headers).status_code == 403
    assert call.get(f"/jobs/{job}")["status"] != "Cancelled"
    assert call.get(f"/sessions/{session}")["accepting_jobs"]
    own = {**OWN, "Origin": visitor.base, "Sec-Fetch-Site": "same-origin"}
    assert visitor("POST", f"/web/sessions/{session}/close", headers=own).status_code == 204
    assert visitor("POST", f"/web/jobs/{job}/cancel", headers=own).status_code == 204
    assert call.get(f"/jobs/{job}")["status"] == "Cancelled"
    assert visitor("POST", f"/web/jobs/{job}/cancel", headers=own).status_code == 409


def test_other_pages_are_told_nothing_either(server: Any, visit: Callable[..., Any]) -> None:
    visitor = visit(server)
    answer = visitor("GET", "/web/workloads", headers={"Sec-Fetch-Site": "same-site"})
    asked = visitor(
        "OPTIONS",
        "/web/link",
        headers={"Origin": "http://x.example", "Access-Control-Request-Method": "POST"},
    )

    assert answer.status_code == 403
    assert asked.status_code == 403
    assert not any(name.lower().startswith("access-control") for name in asked.headers)


@pytest.mark.parametrize("path", ["/", "/docs", "/web/static/app.js", "/web/account", "/web/nothing"])
def test_every_answer_has_the_policy(path: str, server: Any, visit: Callable[..., Any]) -> None:
    headers = visit(server, signed_in=False)("GET", path, headers=HTML).headers

    assert headers["Content-Security-Policy"] == POLICY
    assert "unsafe" not in POLICY
    assert set(re.findall(r"(\S+) 'none'", POLICY)) == {
        "default-src",
        "base-uri",
        "form-action",
        "frame-ancestors",
    }
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == (
        "no-store" if path.startswith("/web/") and "." not in path else "no-cache"
    )


def test_the_front_door_is_the_page_for_browsers_and_the_api_for_others(
    server: Any, visit: Callable[..., Any]
) -> None:
    stranger = visit(server, signed_in=False)

    page = stranger("GET", "/", headers=HTML)
    assert page.headers["Content-Type"].startswith("text/html")
    assert stranger("GET", "/", headers=HTML | {"If-None-Match": page.headers["ETag"]}).status_code == 304
    for accept in ("*/*", "application/json"):
        answer = stranger("GET", "/", headers={"Accept": accept})
        assert answer.status_code == 401
        assert answer.json()["errors"][0]["code"] == 1200
        assert "Content-Security-Policy" not in answer.headers
    assert stranger("POST", "/", headers=HTML).status_code == 405


@pytest.mark.parametrize("body", [b"", b"[]", b"nonsense", b"\xff", b'{"code": ' + b"[" * 5_000])
def test_a_broken_body_is_refused(body: bytes, server: Any, visit: Callable[..., Any]) -> None:
    assert visit(server, signed_in=False)("POST", "/web/sign-in", data=body, headers=OWN).status_code == 400
    large = json.dumps({"code": "x" * 100_000})
    assert visit(server, signed_in=False)("POST", "/web/sign-in", data=large, headers=OWN).status_code == 413
