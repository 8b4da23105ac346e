"""Objects through pipes: what is sent arrives, and large bytes are not copied on their way into a pickle."""

from __future__ import annotations

import io
from typing import Any

import pytest

from qiskit_rest_primitives.server.workers.subprocesses import receive, send

LARGE = bytes(range(256)) * 4_000


@pytest.mark.parametrize(
    "value",
    [None, b"", LARGE, ("a", LARGE, {"b": [LARGE[1:], b"small", LARGE]}), bytearray(LARGE), [1] * 1000],
    ids=["None", "empty", "large", "nested", "bytearray", "list"],
)
def test_what_is_sent_arrives(value: Any) -> None:
    pipe = io.BytesIO()
    for each in (value, "next"):
        send(pipe, each)
    pipe.seek(0)

    assert [receive(pipe), receive(pipe)] == [value, "next"]
    with pytest.raises(EOFError):
        receive(pipe)


def test_large_bytes_are_no_part_of_a_pickle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Faults C2: pickling, in whatever thread, stops the event loop until it has ended."""
    pickled: list[int] = []

    class Noted(io.BytesIO):
        def __init__(self, text: bytes = b"") -> None:
            super().__init__(text)
            pickled.append(len(text))

    pipe = io.BytesIO()
    send(pipe, ("a", LARGE))
    pipe.seek(0)
    monkeypatch.setattr("qiskit_rest_primitives.server.workers.subprocesses.io.BytesIO", Noted)

    assert receive(pipe) == ("a", LARGE)
    assert 0 < max(pickled) < 100


def test_a_pipe_that_is_closed_in_between_has_ended() -> None:
    pipe = io.BytesIO()
    send(pipe, LARGE)

    for length in (0, 3, 8, 20, len(LARGE), len(pipe.getvalue()) - 1):
        with pytest.raises(EOFError):
            receive(io.BytesIO(pipe.getvalue()[:length]))
