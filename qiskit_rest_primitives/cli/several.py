"""Commands about several things: what became of each is told, also where one of them failed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any

from .exits import Exit, exit_of
from .output import error_document, print_json, said_by, say


class Several:
    """What became of several things; as a context manager it keeps what is known so far if something ends the command.

    ``kind`` says what they are: the member of the one document that is written as JSON, instead of a line for each.
    """

    def __init__(self, kind: str, *, as_json: bool) -> None:
        self._kind = kind
        self._as_json = as_json
        self._entries: list[dict[str, Any]] = []
        self._error: dict[str, Any] = {}
        self._code = Exit.OK

    def tell(self, line: str, code: Exit = Exit.OK, **entry: Any) -> None:
        """Tell people the line, and programs the entry; the code is that of the command, unless another one failed before."""
        self._entries.append(entry)
        self._code = self._code or code
        if not self._as_json:
            say(line, err=code is Exit.NOT_FOUND)

    @contextmanager
    def trying(self, **entry: Any) -> Iterator[None]:
        """Go on with the next where this one fails, unless all would; programs are told this entry then, beside the error."""
        try:
            yield
        except Exception as problem:
            code = exit_of(problem)
            if code in (None, Exit.UNREACHABLE, Exit.NOT_AUTHORISED):
                raise
            said = said_by(problem)
            self._entries.append({**entry, "error": said})
            self._error = self._error or error_document(problem, said, code)
            self._code = self._code or code
            say(f"Error: {said}", err=True)

    def end(self) -> Exit:
        """Write the document, if one is wanted, and return the exit code: that of the first that failed."""
        if self._as_json:
            print_json({self._kind: self._entries, **self._error})
        return self._code

    def __enter__(self) -> Several:
        return self

    def __exit__(self, _kind: Any, problem: BaseException | None, _where: TracebackType | None) -> None:
        if problem is not None:
            vars(problem)["told"] = {self._kind: self._entries}  # app.py writes it beside the error
