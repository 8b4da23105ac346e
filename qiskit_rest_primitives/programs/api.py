"""The endpoints of runtime programs (rest-api.md 7.1 and 7.5)."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from .._frozen import frozen
from ..rest.messages import Failure, Request, Response, query_of, segment
from ..rest.transport import Transport, read_any, read_json, read_object
from ..wire.jsonio import dumps, loads

PAGE = 50


@frozen
class InterimPage:
    """Some interim results of a job.

    Attributes:
        results: They, as JSON values, from the offset that was asked for.
        complete: Whether no more will come; None if the server does not say.
    """

    results: list[Any]
    complete: bool | None


@frozen
class _Page:
    programs: list[dict[str, Any]]
    count: int | None  # None where there are no pages


class ProgramsApi:
    """The endpoints, for one instance."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def programs(self, *, limit: int | None, skip: int = 0) -> list[dict[str, Any]]:
        """List programs, at most ``limit``, page by page; None for all."""
        found: list[dict[str, Any]] = []
        while limit is None or len(found) < limit:
            size = PAGE if limit is None else min(PAGE, limit - len(found))
            query = query_of({"limit": size, "offset": skip + len(found)})
            request = Request("GET", "/programs", "GET /programs", query)
            page: Any = self._transport.request(request, read=_page)
            if page.count is None:
                return page.programs[skip:][:limit]
            known = {each["id"] for each in found}
            new = [each for each in page.programs if each["id"] not in known]
            found += new  # a service that knows no offset gives the first page again, for ever
            if not new or skip + len(found) >= page.count:
                break
        return found

    def program(self, program_id: str) -> dict[str, Any]:
        """Return a program, with its source in ``data`` if it is one's own."""
        request = _about("GET", program_id)
        return self._transport.read(request, _program)

    def create(self, source: str, metadata: Mapping[str, Any]) -> str:
        """Upload a program and return its id.

        The upload is repeated when its answer is lost. If it had arrived, its own name is in the way then, and the
        program is found by name and source.
        """
        body = dumps({**metadata, "data": _encoded(source).decode()})
        request = Request("POST", "/programs", "POST /programs", body=body)
        response = self._transport.request(request, read=_with_id, settled=(409,))
        if response.status != 204:
            return str(read_object(response)["id"])
        named = [it for it in self.programs(limit=None) if it.get("name") == metadata["name"]]
        known = [self.program(each["id"]) for each in named]
        mine = next((each for each in known if each.get("data") == source), None)
        if mine is None:
            message = "There is a program of this name already, with another source."
            self._transport.fail(
                Failure("status", request.operation, "POST", request.path, message, status=409)
            )
        return str(mine["id"])

    def update(self, program_id: str, changes: Mapping[str, Any]) -> None:
        """Change name, description, cost or spec."""
        self._transport.request(_about("PATCH", program_id, body=dumps(dict(changes))))

    def replace_source(self, program_id: str, source: str) -> None:
        """Replace a program's source."""
        headers = {"Content-Type": "application/octet-stream"}
        request = _about("PUT", program_id, "/data", body=_encoded(source), headers=headers)
        self._transport.request(request)

    def set_public(self, program_id: str, public: bool) -> None:
        """Let others see a program, or not."""
        request = _about("PUT", program_id, "/public" if public else "/private")
        self._transport.request(request)

    def delete(self, program_id: str) -> None:
        """Delete a program."""
        self._transport.request(_about("DELETE", program_id), settled=(404,))

    def interim_results(self, job_id: str, *, offset: int = 0, wait: float | None = None) -> InterimPage:
        """Return a job's interim results from a number on.

        Servers that know no offset give all of them, and those that were asked for are picked here. The server may hold its answer
        for ``wait`` seconds, until there is one.
        """
        path = f"/jobs/{segment(job_id, what='job id')}/interim_results"
        headers = {"Accept": "text/plain"} | ({"Prefer": f"wait={int(wait)}"} if wait and wait >= 1 else {})
        operation = "GET /jobs/{id}/interim_results"
        request = Request("GET", path, operation, query_of({"offset": offset}), headers, job_id=job_id)
        response = self._transport.request(request, read=_interim)
        start = response.headers.get("interim-offset")
        results = _list_of(response.body)
        if start is None:
            return InterimPage(results[offset:], None)
        return InterimPage(
            results[max(offset - int(start), 0) :], response.headers.get("interim-complete") == "true"
        )


def _page(response: Response) -> Any:
    document = read_json(response)
    if isinstance(document, list):  # the first wire form (7.2) knew no pages
        return _Page([_program(each) for each in document], None)
    return _Page([_program(each) for each in document["programs"]], int(document.get("count") or 0))


def _program(document: Any) -> dict[str, Any]:
    """Check what ``RuntimeProgram`` relies on."""
    segment(document["id"], what="program id")
    int(document.get("cost") or 0)
    for part in dict(document.get("spec") or {}).values():
        if isinstance(part, Mapping):
            if not _texts(part.get("required")):
                raise TypeError("what is required is no list of names")
            for each in dict(part.get("properties") or {}).values():
                if not isinstance(each, Mapping) or not _texts(each.get("type")):
                    raise TypeError("the description of an input is no object")
        elif part is not None:
            raise TypeError("a part of the spec is no object")
    return dict(document)


def _texts(value: Any) -> bool:
    """Whether a member is missing, text, or a list of texts."""
    listed = value if isinstance(value, list) else [value or ""]
    return all(isinstance(each, str) for each in listed)


def _with_id(response: Response) -> Response:
    """Check that an answer names the new program, unless it stands for an upload that an earlier attempt had done."""
    if response.status != 204:
        segment(read_object(response)["id"], what="program id")
    return response


def _interim(response: Response) -> Response:
    int(response.headers.get("interim-offset") or 0)
    return read_any(response)


def _list_of(body: bytes) -> list[Any]:
    """Return what an answer holds as a list; text that is no JSON list is one result."""
    if not body.strip():
        return []
    try:
        value = loads(body)
    except ValueError:
        return [body.decode("utf-8", "replace")]
    return value if isinstance(value, list) else [value]


def _about(
    method: str,
    program_id: str,
    rest: str = "",
    *,
    body: bytes | None = None,
    headers: Mapping[str, str] = {},
) -> Request:
    path = f"/programs/{segment(program_id, what='program id')}{rest}"
    return Request(method, path, f"{method} /programs/{{id}}{rest}", (), headers, body)


def _encoded(source: str) -> bytes:
    return base64.standard_b64encode(source.encode())
