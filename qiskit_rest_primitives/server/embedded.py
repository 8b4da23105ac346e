"""The server inside the caller's own process: a daemon thread, a real socket, a real token."""

from __future__ import annotations

import atexit
import os
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from .._locks import fork_safe_lock
from .http.auth import new_token
from .settings import (
    RETIRED_VARIABLE,
    Certificate,
    Instance,
    SessionRules,
    Settings,
    is_loopback,
    problem_of,
    retired_programs,
)

if TYPE_CHECKING:
    from types import TracebackType

    from qiskit.providers import BackendV2

    from .devices.device import Device

START_SECONDS = 30.0
STOP_SECONDS = 5.0
EMBEDDED_BYTES = 1_000_000_000


@dataclass(frozen=True)
class ServerAddress:
    """Where a server is and how to get in.

    Attributes:
        url: Base URL, ending in ``/api/v1``.
        iam_url: Base URL of the token exchange.
        token: API key; not shown by ``repr``.
        instance: CRN of the default instance; not shown by ``repr`` because it names the account.
    """

    url: str
    iam_url: str
    token: str = field(repr=False)
    instance: str = field(repr=False)


class RunningServer:
    """A server in a daemon thread of this process; a context manager that stops it.

    Args:
        settings: What to serve.
        host: Address to listen on.
        port: Port, or 0 for a free one.
        certificate: For TLS; without one, connections are not encrypted.

    Raises:
        OSError: If the address cannot be had, or the certificate cannot be read.
        RuntimeError: If the server does not come up.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        certificate: Certificate | None = None,
    ) -> None:
        if certificate is not None:
            certificate.check()
        self._socket = listening_socket(host, port)
        self.endpoint = endpoint_of(self._socket, settings, scheme="https" if certificate else "http")
        self._server: Any = None
        self._failure: BaseException | None = None
        self._up = threading.Event()
        self._thread = threading.Thread(
            target=self._run, args=(settings, certificate), name="qiskit-rest-primitives server", daemon=True
        )
        self._thread.start()
        if not self._up.wait(START_SECONDS) or self._failure is not None:
            self._socket.close()
            why = f" {self._failure}" if isinstance(self._failure, Exception) else ""
            raise RuntimeError(f"The local server did not start.{why}") from self._failure

    def host(self, backend: BackendV2) -> str:
        """Serve a backend object of this process, unlisted; return the name it is served under (``devices.registry``).

        Raises:
            ValueError: The backend does not say how many qubits it has.
        """
        name: str = self._server.registry.host(backend)
        return name

    def login_link(self) -> str:
        """Return a link to the Workloads page that lets one browser in, once, within an hour."""
        link: str = self._server.login_link(self.endpoint.iam_url)
        return link

    def stop(self) -> None:
        """Stop the server and wait for its thread; unfinished simulations are left behind. Safe to call twice."""
        if self._server is not None:
            self._server.stop()
        self._thread.join(STOP_SECONDS)
        self._socket.close()

    def abandon(self) -> None:
        """Close this process's copy of the socket; for a child that was forked and has no server thread."""
        self._socket.close()

    def __enter__(self) -> RunningServer:
        """Return the running server."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop the server."""
        self.stop()

    def _run(self, settings: Settings, certificate: Certificate | None) -> None:
        from .runner import HttpServer

        try:
            self._server = HttpServer(settings, self._up.set, certificate=certificate)
            self._server.run(sockets=[self._socket])
        except BaseException as error:  # noqa: BLE001 (told to whoever waits for the start)
            self._failure = error
        finally:
            self._up.set()


def serve(
    devices: Sequence[Device] | None = None,
    *,
    backends: Sequence[BackendV2 | str] | None = None,
    database: str | None = None,
    token: str | None = None,
    host: str = "127.0.0.1",
    port: int = 0,
    instances: Sequence[Instance] | None = None,
    certificate: Certificate | None = None,
    allow_public: bool = False,
    settings: Callable[[Settings], Settings] | None = None,
) -> RunningServer:
    """Start a server in a daemon thread of this process.

    Args:
        devices: What to serve; the default devices when None.
        backends: What to serve instead: backend objects, and names as ``--backend`` takes them.
        database: SQLite file that outlives the process; None keeps everything in memory.
        token: API key; random when None.
        host: Address to listen on. One that other machines can reach needs a ``token``, and a ``certificate`` or
            ``allow_public``.
        port: Port, or 0 for a free one.
        instances: Instances to answer for; one when None.
        certificate: Files for TLS, to serve https: ``settings.Certificate("chain.pem", "key.pem")``.
        allow_public: Listen where other machines can reach the server, and tokens travel unencrypted.
        settings: Changes anything else, e.g. ``lambda s: replace(s, workers=4)``. Programs are retired that the environment
            variable ``QISKIT_REST_PRIMITIVES_RETIRE`` names.

    Raises:
        OSError: If the address cannot be had, or the certificate cannot be read.
        RuntimeError: If the server does not come up.
        ValueError: If the address can be reached from other machines and that was not asked for, or the variable names a
            program that there is not.
    """
    encrypted = certificate is not None
    problem = problem_of(host, own_token=token is not None, encrypted=encrypted, allowed=allow_public)
    if problem is not None:
        raise ValueError(f"{problem} (token=..., certificate=Certificate(...), allow_public=True)")
    from .devices.device import default_devices, device_of, load_device

    if backends is not None:
        devices = [load_device(item) if isinstance(item, str) else device_of(item) for item in backends]
    chosen = Settings(
        devices=tuple(default_devices() if devices is None else devices),
        token=new_token() if token is None else token,
        instances=tuple(instances or (Instance(),)),
        database=database,
        workers=max(1, min(4, os.cpu_count() or 1)),
        processes=False,
        # To compress and unpack takes longer than this machine takes to hand a body to itself.
        compress_bytes=None if is_loopback(host) else Settings.compress_bytes,
        retired=retired_programs(os.environ.get(RETIRED_VARIABLE, "")),
    )
    return RunningServer(
        chosen if settings is None else settings(chosen), host=host, port=port, certificate=certificate
    )


def listening_socket(host: str, port: int) -> socket.socket:
    """Return a listening TCP socket; an OSError if the address cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio switches Nagle's algorithm off only where the protocol is given.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(256)
        listener.set_inheritable(False)
    except (OSError, OverflowError):
        listener.close()
        raise
    return listener


def endpoint_of(listener: socket.socket, settings: Settings, *, scheme: str = "http") -> ServerAddress:
    """Return how to reach a server that listens on a socket."""
    host, port = listener.getsockname()[:2]
    base = f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
    return ServerAddress(f"{base}/api/v1", base, settings.token, settings.instances[0].crn)


_lock = fork_safe_lock()
_default: RunningServer | None = None
"""The embedded default server of this process."""


def embedded() -> ServerAddress:
    """Return the embedded default server of this process, started on first use.

    A forked child gets a server of its own. Dedicated sessions are not exclusive here: all jobs are the same
    user's, who would only wait for himself. The oldest finished jobs are forgotten when their inputs and results
    fill a gigabyte.
    """
    return _running().endpoint


def host(backend: BackendV2) -> tuple[ServerAddress, str]:
    """Serve a backend object on the embedded default server; return where, and the name it is served under.

    Raises:
        ValueError: The backend does not say how many qubits it has.
    """
    running = _running()
    return running.endpoint, running.host(backend)


def is_here(url: str) -> bool:
    """Tell whether the embedded default server of this process has this address."""
    return _default is not None and _default.endpoint.url == url


def _running() -> RunningServer:
    global _default  # noqa: PLW0603 (the one server of the process)
    with _lock:
        if _default is None:
            _default = serve(
                settings=lambda chosen: replace(
                    chosen, sessions=SessionRules(exclusive=False), retention_bytes=EMBEDDED_BYTES
                )
            )
        return _default


def stop_embedded() -> None:
    """Stop the embedded default server if there is one; the next ``embedded()`` starts a new one."""
    global _default
    with _lock:
        running, _default = _default, None
    if running is not None:
        running.stop()


def _forget_parent() -> None:
    """Drop what a fork copied: the parent's server has no thread here."""
    global _default  # noqa: PLW0603 (the one server of the process)
    if _default is not None:
        _default.abandon()
    _default = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_parent)
atexit.register(stop_embedded)
