"""Programs and interim results, from servers of all generations."""

from __future__ import annotations

import json
from typing import Any

import pytest

from qiskit_rest_primitives.programs.api import InterimPage, ProgramsApi
from qiskit_rest_primitives.rest.messages import ExchangeError, FailureError, Response
from qiskit_rest_primitives.rest.transport import Transport


def api_over(send: Any) -> ProgramsApi:
    """Endpoints over a send, that wait between attempts without waiting."""
    return ProgramsApi(Transport("https://q.example/api/v1", send, sleep=lambda seconds: None))


def text(*results: Any, **headers: str) -> Response:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(200, {"content-type": "text/plain", **names}, json.dumps(list(results)).encode())


def test_interim_results_are_asked_for_from_an_offset(scripted: Any) -> None:
    send = scripted(text("c", "d", interim_offset="2", interim_complete="true"))

    assert api_over(send).interim_results("j/1", offset=2, wait=5.5) == InterimPage(["c", "d"], True)
    (outgoing,) = send.sent
    assert outgoing.url == "https://q.example/api/v1/jobs/j%2F1/interim_results?offset=2"
    assert outgoing.headers["Prefer"] == "wait=5"


@pytest.mark.parametrize(
    ("body", "results"), [(b'["a", "b", "c"]', ["c"]), (b"", []), (b'"a"', []), (b"no JSON", []), (b"[]", [])]
)
def test_a_server_that_knows_no_offset_gives_all_and_says_nothing_about_the_end(
    scripted: Any, body: bytes, results: list[Any]
) -> None:
    page = api_over(scripted(Response(200, {}, body))).interim_results("j", offset=2)

    assert page == InterimPage(results, None)


def test_text_that_is_no_list_is_one_result(scripted: Any) -> None:
    assert api_over(scripted(Response(200, {}, b"half done"))).interim_results("j").results == ["half done"]


def test_programs_are_listed_page_by_page(scripted: Any, json_response: Any) -> None:
    pages = [[{"id": f"p{number}"} for number in range(start, start + 50)] for start in (0, 50)]
    pages[1] = pages[1][:10]
    send = scripted(*(json_response(200, {"programs": page, "count": 60}) for page in pages))

    assert api_over(send).programs(limit=None) == pages[0] + pages[1]
    assert [outgoing.url.partition("?")[2] for outgoing in send.sent] == [
        "limit=50&offset=0",
        "limit=50&offset=50",
    ]


def test_a_limit_ends_the_list(scripted: Any, json_response: Any) -> None:
    send = scripted(json_response(200, {"programs": [{"id": "a"}, {"id": "b"}], "count": 60}))

    assert len(api_over(send).programs(limit=2, skip=3)) == 2
    assert send.sent[0].url.endswith("?limit=2&offset=3")


def test_the_bare_list_of_the_first_wire_form_is_read(scripted: Any, json_response: Any) -> None:
    send = scripted(json_response(200, [{"id": "a"}, {"id": "b"}, {"id": "c"}]))

    assert api_over(send).programs(limit=1, skip=1) == [{"id": "b"}]


@pytest.mark.parametrize(
    "call",
    [lambda api: api.create("", {}), lambda api: api.program("p"), lambda api: api.programs(limit=None)],
)
@pytest.mark.parametrize("answer", [b"{}", b"3", b'"x"'])
def test_answers_that_lack_what_they_must_hold_are_failures(scripted: Any, call: Any, answer: bytes) -> None:
    with pytest.raises(FailureError) as caught:
        call(api_over(scripted(Response(200, {}, answer))))

    assert caught.value.failure.kind == "body"


def test_ids_that_would_name_another_path_are_refused(scripted: Any) -> None:
    for call in (ProgramsApi.program, ProgramsApi.delete, ProgramsApi.interim_results):
        with pytest.raises(ValueError, match="cannot be used"):
            call(api_over(scripted()), "..")


@pytest.mark.parametrize(
    ("source", "found"), [("def main(): pass", "p2"), ("something else", None)], ids=["its own", "another"]
)
def test_an_upload_whose_answer_is_lost_is_found_by_name_and_source(
    scripted: Any, json_response: Any, source: str, found: str | None
) -> None:
    listed = [{"id": "p1", "name": "other"}, {"id": "p2", "name": "mine"}]
    send = scripted(
        ExchangeError("gone", kind="broken", sent=True),
        json_response(409, {}),
        json_response(200, {"programs": listed, "count": 2}),
        json_response(200, {**listed[1], "data": source}),
    )
    api = ProgramsApi(Transport("https://q.example/api/v1", send, sleep=lambda _: None))

    if found:
        assert api.create("def main(): pass", {"name": "mine"}) == found
    else:
        with pytest.raises(FailureError) as caught:
            api.create("def main(): pass", {"name": "mine"})
        assert caught.value.failure.status == 409


def test_a_name_that_is_taken_from_the_beginning_is_refused(scripted: Any, json_response: Any) -> None:
    with pytest.raises(FailureError) as caught:
        api_over(scripted(json_response(409, {}))).create("def main(): pass", {"name": "mine"})

    assert caught.value.failure.status == 409
