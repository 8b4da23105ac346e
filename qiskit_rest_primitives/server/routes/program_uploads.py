"""Reading what is uploaded: a program as JSON or as a form, and changes to one (rest-api.md 7.1 and 7.2)."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any

from ..http.errors import bad_request
from ..http.request_body import load_object
from .job_validation import cost_field, flag, text_field

SPEC = frozenset({"backend_requirements", "parameters", "return_values", "interim_results"})
LONGEST_TEXT = 10_000


@dataclass(frozen=True)
class Upload:
    """A new program, or what shall change of one; None for what is not said."""

    name: str
    source: str
    description: str | None = None
    cost: int | None = None
    public: bool = False
    spec: dict[str, Any] | None = None


@dataclass(frozen=True)
class ProgramPatch:
    """What ``PATCH`` asks for; None for what stays."""

    name: str | None = None
    description: str | None = None
    cost: int | None = None
    spec: dict[str, Any] | None = None


def upload_of(body: bytes, content_type: str) -> Upload:
    """Read a new program.

    Raises:
        ApiError: 400, naming the field.
    """
    form = content_type.lower().startswith("multipart/form-data")
    values = _form_values(body, content_type) if form else load_object(body).values
    name, data = text_field(values, "name"), values.get("data")
    if name is None:
        raise bad_request("name is missing.")
    if not isinstance(data, str) or not data:
        raise bad_request("data is missing, or is not text.")
    public = flag("is_public", values.get("is_public", False))
    return Upload(
        name=name,
        source=data if form else _decoded(data.encode()),
        description=text_field(values, "description", longest=LONGEST_TEXT)
        if values.get("description")
        else "",
        cost=_cost(values),
        public=public,
        spec=_spec(values.get("spec")),
    )


def changes_of(body: bytes) -> ProgramPatch:
    """Read what ``PATCH`` asks for.

    Raises:
        ApiError: 400, naming the field.
    """
    values = load_object(body).values
    return ProgramPatch(
        name=text_field(values, "name"),
        description=text_field(values, "description", longest=LONGEST_TEXT),
        cost=_cost(values),
        spec=_spec(values.get("spec")),
    )


def source_of(body: bytes, content_type: str) -> str:
    """Read a source alone: base64 text, or a form with a file.

    Raises:
        ApiError: 400.
    """
    if not content_type.lower().startswith("multipart/form-data"):
        return _decoded(body)
    data = _form_values(body, content_type).get("data")
    if not isinstance(data, str):
        raise bad_request("The form has no part 'program'.")
    return data


def _decoded(data: bytes) -> str:
    try:
        source = base64.b64decode(data.strip(), validate=True).decode("utf-8")
    except (binascii.Error, ValueError) as cause:
        raise bad_request("data is not base64 of UTF-8 text.") from cause
    if not source.strip():
        raise bad_request("data is empty.")
    return source


def _cost(values: Mapping[str, Any]) -> int | None:
    return cost_field(values.get("cost", values.get("max_execution_time")))


def _spec(value: Any) -> dict[str, Any] | None:
    if value is None:
        return None
    if not isinstance(value, dict) or not all(isinstance(part, dict) for part in value.values()):
        raise bad_request("spec must be an object of JSON Schemas.")
    unknown = set(value) - SPEC
    if unknown:
        raise bad_request(f"spec has unknown members: {', '.join(sorted(unknown))}.")
    return value


# The first wire form


_FORM_NAMES = {
    "backendRequirements": "backend_requirements",
    "returnValues": "return_values",
    "interimResults": "interim_results",
    "parameters": "parameters",
}


def _form_values(body: bytes, content_type: str) -> dict[str, Any]:
    """Return the members of a form in the words of the JSON form."""
    message = BytesParser(policy=HTTP).parsebytes(
        b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body
    )
    if not message.is_multipart():
        raise bad_request("The form cannot be read.")
    values: dict[str, Any] = {}
    spec: dict[str, Any] = {}
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        text = (content if isinstance(content, bytes) else b"").decode("utf-8", "replace")
        if name == "program":
            values["data"] = text
        elif name in ("cost", "max_execution_time"):
            values["cost"] = int(text) if text.strip().isdigit() else text
        elif name in _FORM_NAMES:
            spec[_FORM_NAMES[name]] = _json(name, text)
        elif isinstance(name, str):
            values[name] = text
    return values | ({"spec": spec} if spec else {})


def _json(name: str, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as cause:
        raise bad_request(f"{name} is not JSON.") from cause
