"""Reading bodies where it holds nobody up: what is large is unpacked, parsed and checked by a process of its own."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable
from typing import Any, TypeVar

from starlette.requests import Request

from ..settings import Settings
from ..spool import Spool
from ..workers.subprocesses import default_bytes, end_child, limit_memory, receive, send, serving, start_child
from .errors import TYPED_ARRAYS, HttpError, shutting_down, too_large
from .request_body import Body, Bulky, receive_body

AT_ONCE = 65_536
"""Bytes that are read on the event loop."""
IN_A_THREAD = 1_000_000
"""Bytes that are read in a thread, which holds the global lock for some hundredths of a second; where no process can be
started, all are."""
Found = TypeVar("Found")


class BodyReader:
    """Reads bodies; used on the event loop's thread. Large ones are read one after the other."""

    def __init__(self, settings: Settings) -> None:
        self._limits = settings.limits
        self._memory = settings.job_bytes
        self._process: subprocess.Popen[bytes] | None = None
        self._turn: asyncio.Lock | None = None
        self._ended = False

    async def read(
        self, request: Request, load: Callable[..., Found], *arguments: Any, most: int | None = None
    ) -> Found:
        """Receive a body and return what a function of a module makes of it, unpacked, and of arguments that can be pickled.

        Args:
            request: The request.
            load: The function.
            arguments: The arguments.
            most: Bytes, where the body of such a request can only be smaller.

        Raises:
            HttpError: What ``load`` raised; 413 if the body needs more memory than there is.
        """
        body = await receive_body(request, self._limits, most=most)
        if body.is_small(AT_ONCE):
            return load(body.unpacked(), *arguments)
        if body.is_small(IN_A_THREAD) or not sys.executable:
            return await asyncio.to_thread(_loaded, body, load, arguments)
        self._turn = self._turn or asyncio.Lock()
        async with self._turn:
            answer = await asyncio.to_thread(self._ask, (body, load, arguments))
        if isinstance(answer, BaseException):
            raise answer
        found: Found = answer
        return found

    def shutdown(self) -> None:
        """End the process."""
        self._ended = True
        if self._process is not None and self._turn is not None and self._turn.locked():
            self._process.kill()  # the thread that waits for its answer closes the pipes
        elif self._process is not None:
            end_child(self._process)

    def _ask(self, task: Any) -> Any:
        process = self._running()
        assert process.stdin is not None  # noqa: S101 (both are pipes)
        assert process.stdout is not None  # noqa: S101
        try:
            send(process.stdin, task)
            return receive(process.stdout)
        except (OSError, EOFError):
            end_child(process)
            return _too_much()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._ended:
            raise shutting_down()
        if self._process is not None and self._process.poll() is not None:
            end_child(self._process)
            self._process = None
        if self._process is None:
            memory = default_bytes() if self._memory is None else self._memory
            self._process = start_child(__name__, memory)
        return self._process


def _loaded(body: Body, load: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    found = load(body.unpacked(), *arguments)
    return found.set_aside(body.raw) if isinstance(found, Bulky) and isinstance(body.raw, Spool) else found


def _too_much() -> HttpError:
    message = "The request body needs more memory to be read than the server has for it."
    return too_large(message, solution=TYPED_ARRAYS)


def main(memory: int | None) -> None:
    """Read what comes in until the pipe is closed, in so many bytes of memory: the main loop of the process."""
    with serving() as (tasks, answers):
        if memory is not None:
            limit_memory(memory)
        while True:
            body, load, arguments = receive(tasks)
            try:
                answer = _loaded(body, load, arguments)
            except MemoryError:
                answer = _too_much()
            except Exception as error:  # noqa: BLE001 (it belongs to the server)
                answer = error if isinstance(error, (HttpError, ValueError)) else RuntimeError(repr(error))
            send(answers, answer)
            del body, arguments, answer
