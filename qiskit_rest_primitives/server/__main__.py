"""The server as a program: ``python -m qiskit_rest_primitives.server``."""

from __future__ import annotations

import argparse
import json
import logging
import math
import os
import socket
import sqlite3
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import asdict
from typing import IO, TYPE_CHECKING, NoReturn, TypeVar

from .._files import open_private, read_given
from .embedded import ServerAddress, endpoint_of, listening_socket
from .faults.plan import FaultPlan, load_faults
from .http.auth import new_token
from .paste import HIDDEN, lines_to_paste
from .settings import (
    RETIRED_VARIABLE,
    Certificate,
    Instance,
    Limits,
    ProgramRules,
    Settings,
    problem_of,
    retired_programs,
)
from .workers.dask import local_workers, problem_of_place

if TYPE_CHECKING:
    from .devices.device import Device
    from .runner import HttpServer

CLUSTER_WORKERS = 16
Number = TypeVar("Number", int, float)
Read = TypeVar("Read")


def main(arguments: Sequence[str] | None = None, *, program: str | None = None, paste: bool = False) -> int:
    """Serve until interrupted; returns the exit status.

    When connections are answered, one line of JSON with ``url``, ``iam_url``, ``token`` and ``instance`` is
    printed to standard output; everything else goes to standard error: lines to paste as well, where that is a terminal,
    and where ``paste`` asks for them without the token.
    """
    parser = _parser()
    parser.prog = program or parser.prog
    options = parser.parse_args(arguments, argparse.Namespace(paste=paste))
    problem = problem_of(
        options.host,
        own_token=bool(options.token),
        encrypted=bool(options.tls_cert),
        allowed=options.allow_public,
    )
    if problem is not None:
        parser.error(f"{problem} (--token, and --tls-cert or --allow-public)")
    unsafe = options.dask and problem_of_place(options.dask, plain=options.dask_plain)
    if unsafe:
        parser.error(f"{unsafe} (tls://, or --dask-plain)")
    if options.tls_key and not options.tls_cert:
        parser.error("--tls-key needs --tls-cert")
    talk = logging.StreamHandler(sys.stderr)
    talk.setLevel(options.log_level.upper())  # libraries choose the levels of their loggers themselves
    logging.basicConfig(handlers=[talk], level=options.log_level.upper())
    with ExitStack() as opened:
        try:
            server, listener = _prepare(options, opened)
            server.run(sockets=[listener])
        except (OSError, ValueError, ImportError) as error:
            parser.error(_told(error))
        except KeyboardInterrupt:
            return 130
    return 0


def _told(error: Exception) -> str:
    """Say why the server did not start."""
    if isinstance(error, ModuleNotFoundError):
        return f"{error.name} is not installed: pip install 'qiskit-rest-primitives[server]'"
    return str(error)


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in a line; all options would push it off the screen."""

    def error(self, message: str) -> NoReturn:
        line = " ".join(message.split())
        self.exit(2, f"{self.prog}: error: {line} (--help lists the options)\n")


def _prepare(options: argparse.Namespace, opened: ExitStack) -> tuple[HttpServer, socket.socket]:
    """Open everything that may turn out not to be there, so that a wrong option ends in a sentence."""
    from .runner import HttpServer

    settings = _settings(options)
    certificate = Certificate(options.tls_cert, options.tls_key) if options.tls_cert else None
    if certificate is not None:
        certificate.check()
    try:
        listener = opened.enter_context(listening_socket(options.host, options.port))
    except (OSError, OverflowError) as error:
        raise OSError(f"cannot listen on {options.host}, port {options.port}: {error}") from error
    endpoint = endpoint_of(listener, settings, scheme="https" if certificate else "http")
    log = opened.enter_context(_access_log(options.access_log))
    try:
        server = HttpServer(
            settings,
            lambda: _say_ready(endpoint, server.login_link, paste=options.paste),
            log_level=options.log_level,
            access_log=log,
            certificate=certificate,
            grace=options.grace,
        )
    except sqlite3.Error as error:
        raise OSError(f"cannot open the database {options.database}: {error}") from error
    return server, listener


def _say_ready(endpoint: ServerAddress, link: Callable[[str], str], *, paste: bool = False) -> None:
    """Say where the server is: to programs in a line of JSON, and to people in lines that they can open and paste.

    Standard error is a log where it is no terminal, and neither a token nor a link that lets somebody in is for logs.
    """
    print(json.dumps(asdict(endpoint)), flush=True)
    base, seen = endpoint.iam_url, sys.stderr.isatty()
    page = (
        f", for one browser within an hour: {link(base)}"
        if seen
        else f": {base}/ (sign in with the {HIDDEN})"
    )
    lines = lines_to_paste(endpoint) if seen else lines_to_paste(endpoint, token=f"<{HIDDEN}>")
    print(f"Workloads page{page}", *([lines] if seen or paste else []), sep="\n", file=sys.stderr, flush=True)


def _access_log(place: str | None) -> AbstractContextManager[IO[str] | None]:
    if place in (None, "-"):
        return nullcontext(sys.stderr if place else None)
    return open_private(str(place))


def _settings(options: argparse.Namespace) -> Settings:
    return Settings(
        devices=_devices(options),
        token=options.token or new_token(),
        instances=(Instance(plan=options.plan),),
        database=options.database,
        workers=options.workers or _workers(options.dask),
        processes=not options.threads,
        dask=options.dask,
        dask_plain=options.dask_plain,
        job_bytes=None if options.job_megabytes is None else int(options.job_megabytes * 1_000_000),
        seed=options.seed,
        token_seconds=options.token_seconds,
        limits=Limits(submissions=options.submissions_per_minute),
        faults=options.fault_plan,
        programs=ProgramRules(allow=options.allow_programs),
        retired=options.retire or frozenset(),
        retention_seconds=None if options.keep_days is None else options.keep_days * 86_400,
        retention_jobs=options.keep_jobs,
        retention_bytes=None if options.keep_megabytes is None else int(options.keep_megabytes * 1_000_000),
        on_restart=options.on_restart,
    )


def _devices(options: argparse.Namespace) -> list[Device]:
    """Return what is served; devices, not simulators, have the coherent errors that are asked for."""
    from .devices.device import check_processor, default_devices, load_device
    from .devices.idling import CoherentIdling

    devices = [load_device(name) for name in options.backend] if options.backend else default_devices()
    if options.device != "CPU":
        if options.dask is None or local_workers(options.dask):
            check_processor(options.device)  # on a cluster, each worker has an Aer of its own
        devices = [device.twin(device.name, processor=options.device) for device in devices]
    if options.idling is None:
        return devices
    if all(device.simulator for device in devices):
        raise ValueError("--idling needs a device: qubits of a simulator never wait")
    idling = CoherentIdling(*options.idling)
    return [device if device.simulator else device.twin(device.name, idling=idling) for device in devices]


def _rates(text: str) -> tuple[float, float]:
    detuning, comma, zz = text.partition(",")
    rates = float(detuning), float(zz) if comma else 0.0
    if not all(map(math.isfinite, rates)):
        raise argparse.ArgumentTypeError("must be finite numbers")
    return rates


_rates.__name__ = "rates"  # argparse calls it so


def _workers(dask: str | None) -> int:
    own = max(1, min(4, os.cpu_count() or 1))
    if dask is None:
        return own
    return local_workers(dask) or CLUSTER_WORKERS


def _in_its_words(read: Callable[[str], Read]) -> Callable[[str], Read]:
    """Let argparse say why something cannot be read, and not only that."""

    def told(text: str) -> Read:
        try:
            return read(text)
        except (OSError, ValueError) as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return told


@_in_its_words
def _place(text: str) -> str:
    local_workers(text)
    return text


@_in_its_words
def _faults(path: str) -> FaultPlan:
    return load_faults(read_given(path))


def _parser() -> _Parser:
    parser = _Parser(
        prog="python -m qiskit_rest_primitives.server",
        description="A local server that speaks the REST API of the quantum service and simulates with Qiskit Aer.",
    )
    add = parser.add_argument
    _add_access(parser)
    add(
        "--backend",
        action="append",
        type=_text,
        metavar="NAME",
        help="known name or module:Class; may be repeated",
    )
    add(
        "--database",
        type=_text,
        metavar="FILE",
        help="SQLite file that keeps jobs and results, readable by its owner alone (default: memory)",
    )
    _add_execution(parser)
    add(
        "--plan",
        type=_text,
        default="local",
        help="plan of the instance; 'open' brings the Open plan's rules",
    )
    add("--token-seconds", type=_least(1), default=3600, help="lifetime of bearer tokens (default: 3600)")
    add("--submissions-per-minute", type=_least(1), metavar="N", help="refuse more with 429 (the service: 5)")
    _add_keeping(parser)
    _add_programs(parser)
    add(
        "--fault-plan",
        type=_faults,
        default=FaultPlan(),
        metavar="FILE",
        help="faults on purpose as JSON, to test clients with (docs/server.md)",
    )
    add(
        "--grace",
        type=_not_negative,
        default=10.0,
        metavar="SECONDS",
        help="how long running jobs may go on after SIGTERM or Ctrl-C (default: 10)",
    )
    add(
        "--access-log",
        type=_text,
        metavar="FILE",
        help="write a line of JSON per request; - for standard error",
    )
    add(
        "--log-level",
        default="warning",
        choices=("debug", "info", "warning", "error"),
        help="what is said on standard error: this level and those above it (default: warning)",
    )
    return parser


def _add_access(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("who may come in").add_argument
    add("--host", type=_text, default="127.0.0.1", help="address to listen on (default: loopback)")
    add("--port", type=int, default=0, help="port, or 0 for a free one (default)")
    add(
        "--token",
        type=_text,
        default=os.environ.get("QISKIT_REST_PRIMITIVES_TOKEN") or None,
        help="API key (default: random)",
    )
    add("--tls-cert", type=_text, metavar="FILE", help="certificate chain (PEM): serve https")
    add("--tls-key", type=_text, metavar="FILE", help="its private key (PEM), unless --tls-cert holds it")
    add(
        "--allow-public",
        action="store_true",
        help="listen on an address that is not loopback without TLS; needs --token",
    )


def _add_execution(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("how jobs run").add_argument
    add(
        "--workers",
        type=_least(1),
        metavar="N",
        help="jobs that run at the same time (default: CPUs, at most 4; on a Dask cluster 16)",
    )
    add(
        "--dask",
        type=_place,
        metavar="PLACE",
        help="simulate on a Dask cluster: tls://host:port of its scheduler, or local:N",
    )
    add(
        "--dask-plain",
        action="store_true",
        help="reach a scheduler on another machine without TLS; whoever is in that network can run code here",
    )
    add(
        "--job-megabytes",
        type=_positive,
        metavar="MB",
        help="memory that a job may take (Linux; default: 80 %% of the machine's)",
    )
    add(
        "--device",
        choices=("CPU", "GPU"),
        default="CPU",
        help="what Aer simulates on; GPU needs a build of Aer that has it (default: CPU)",
    )
    add("--seed", type=int, metavar="N", help="make jobs repeatable whose options name no seed")
    add(
        "--idling",
        type=_rates,
        metavar="DETUNING,ZZ",
        help="coherent errors of idle qubits on devices, as angular rates in rad/s: 2e4,1e4 (docs/local-testing.md)",
    )
    add(
        "--threads",
        action="store_true",
        help="run jobs that take a moment in threads of the server, and only others in worker processes",
    )


def _add_keeping(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group(
        "what is kept", "By default everything, as long as the database."
    ).add_argument
    add("--keep-days", type=_positive, metavar="DAYS", help="delete finished jobs after this time")
    add("--keep-jobs", type=_least(0), metavar="N", help="delete the oldest finished jobs beyond this number")
    add(
        "--keep-megabytes",
        type=_positive,
        metavar="MB",
        help="delete the oldest finished jobs when inputs and results together are larger",
    )
    add(
        "--on-restart",
        choices=("rerun", "fail"),
        default="rerun",
        help="what becomes of jobs that ran when the server was killed (default: rerun)",
    )


def _text(given: str) -> str:
    """Refuse what a script passes whose variable is not set: it is not the same as leaving the option out."""
    if not given.strip():
        raise argparse.ArgumentTypeError("must not be empty")
    return given


def _least(least: int) -> Callable[[str], int]:
    return _number(int, lambda number: number >= least, f"must be at least {least}")


def _number(kind: type[Number], good: Callable[[Number], bool], wanted: str) -> Callable[[str], Number]:
    def read(text: str) -> Number:
        number = kind(text)
        if not good(number):
            raise argparse.ArgumentTypeError(wanted)
        return number

    read.__name__ = "whole number" if kind is int else "number"  # argparse calls it so
    return read


_not_negative = _number(float, lambda number: number >= 0, "must not be negative")
_positive = _number(float, lambda number: number > 0, "must be greater than 0")


def _add_programs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--allow-programs",
        nargs="?",
        const="isolated",
        default="no",
        choices=("no", "isolated", "trusted"),
        help="let clients upload Python programs; 'trusted' runs them even where they cannot be isolated",
    )
    parser.add_argument(
        "--retire",
        type=_in_its_words(retired_programs),
        default=os.environ.get(RETIRED_VARIABLE) or None,
        metavar="NAMES",
        help="take no jobs of these programs, as a service that has given them up: sampler,estimator",
    )


if __name__ == "__main__":
    sys.exit(main())
