"""The server as a program: ``python -m qiskit_rest_primitives.server``.

What lives here: the command line and the line that says the server is ready. What does not: serving (``runner``).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import IO

from .cluster import local_workers
from .embedded import endpoint_of, listening_socket
from .exposure import Certificate, problem_of
from .faults import Fault, load_faults
from .identity import new_token
from .settings import Instance, Limits, ProgramRules, Settings

CLUSTER_WORKERS = 16


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until interrupted; returns the exit status.

    When connections are answered, one line of JSON with ``url``, ``iam_url``, ``token`` and ``instance`` is
    printed to standard output; everything else goes to standard error.
    """
    parser = _parser()
    _add_programs(parser)
    options = parser.parse_args(arguments)
    problem = problem_of(
        options.host,
        own_token=bool(options.token),
        encrypted=bool(options.tls_cert),
        allowed=options.allow_public,
    )
    if problem is not None:
        parser.error(f"{problem} (--token, and --tls-cert or --allow-public)")
    if options.tls_key and not options.tls_cert:
        parser.error("--tls-key needs --tls-cert")
    logging.basicConfig(stream=sys.stderr, level=options.log_level.upper())
    try:
        return asyncio.run(_serve(options))
    except KeyboardInterrupt:
        return 130


async def _serve(options: argparse.Namespace) -> int:
    from .runner import HttpServer

    settings = _settings(options)
    certificate = Certificate(options.tls_cert, options.tls_key) if options.tls_cert else None
    listener = listening_socket(options.host, options.port)
    endpoint = endpoint_of(listener, settings, scheme="https" if certificate else "http")
    with listener, _access_log(options.access_log) as log:
        server = HttpServer(
            settings,
            lambda: print(json.dumps(asdict(endpoint)), flush=True),
            log_level=options.log_level,
            access_log=log,
            certificate=certificate,
            grace=options.grace,
        )
        await server.serve(sockets=[listener])
    return 0


def _access_log(place: str | None) -> AbstractContextManager[IO[str] | None]:
    if place in (None, "-"):
        return nullcontext(sys.stderr if place else None)
    return Path(str(place)).open("a", encoding="utf-8")


def _settings(options: argparse.Namespace) -> Settings:
    from .devices import default_devices, load_device

    return Settings(
        devices=[load_device(name) for name in options.backend] if options.backend else default_devices(),
        token=options.token or new_token(),
        instances=(Instance(plan=options.plan),),
        database=options.database,
        workers=options.workers or _workers(options.dask),
        processes=not options.threads,
        dask=options.dask,
        job_bytes=None if options.job_megabytes is None else int(options.job_megabytes * 1_000_000),
        seed=options.seed,
        token_seconds=options.token_seconds,
        limits=Limits(submissions=options.submissions_per_minute),
        faults=options.fault_plan,
        programs=ProgramRules(allow=options.allow_programs),
        retention_seconds=None if options.keep_days is None else options.keep_days * 86_400,
        retention_jobs=options.keep_jobs,
        retention_bytes=None if options.keep_megabytes is None else int(options.keep_megabytes * 1_000_000),
        on_restart=options.on_restart,
    )


def _workers(dask: str | None) -> int:
    own = max(1, min(4, os.cpu_count() or 1))
    if dask is None:
        return own
    return local_workers(dask) or CLUSTER_WORKERS


def _place(text: str) -> str:
    try:
        local_workers(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return text


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m qiskit_rest_primitives.server",
        description="A local server that speaks the REST API of the quantum service and simulates with Qiskit Aer.",
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (default: loopback)")
    add("--port", type=int, default=0, help="port, or 0 for a free one (default)")
    add("--backend", action="append", metavar="NAME", help="known name or module:Class; may be repeated")
    add("--database", metavar="FILE", help="SQLite file that keeps jobs and results (default: memory)")
    add("--token", default=os.environ.get("QISKIT_REST_PRIMITIVES_TOKEN"), help="API key (default: random)")
    add("--tls-cert", metavar="FILE", help="certificate chain (PEM): serve https")
    add("--tls-key", metavar="FILE", help="its private key (PEM), unless --tls-cert holds it")
    add(
        "--allow-public",
        action="store_true",
        help="listen on an address that is not loopback without TLS; needs --token",
    )
    _add_execution(parser)
    add("--plan", default="local", help="plan of the instance; 'open' brings the Open plan's rules")
    add("--token-seconds", type=int, default=3600, help="lifetime of bearer tokens (default: 3600)")
    add("--submissions-per-minute", type=int, metavar="N", help="refuse more with 429 (the service: 5)")
    _add_keeping(parser)
    add(
        "--fault-plan",
        type=_faults,
        default=(),
        metavar="FILE",
        help="JSON list of faults, to test clients with",
    )
    add(
        "--grace",
        type=float,
        default=10.0,
        metavar="SECONDS",
        help="how long running jobs may go on after SIGTERM or Ctrl-C (default: 10)",
    )
    add("--access-log", metavar="FILE", help="write a line of JSON per request; - for standard error")
    add(
        "--log-level",
        default="warning",
        choices=("debug", "info", "warning", "error"),
        help="on standard error",
    )
    return parser


def _add_execution(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("how jobs run").add_argument
    add(
        "--workers",
        type=int,
        metavar="N",
        help="jobs that run at the same time (default: CPUs, at most 4; on a Dask cluster 16)",
    )
    add(
        "--dask",
        type=_place,
        metavar="PLACE",
        help="simulate on a Dask cluster: tcp://host:port of its scheduler, or local:N",
    )
    add(
        "--job-megabytes",
        type=_positive,
        metavar="MB",
        help="memory that a job may take (Linux; default: 80 %% of the machine's)",
    )
    add("--seed", type=int, metavar="N", help="make jobs repeatable whose options name no seed")
    add(
        "--threads", action="store_true", help="simulate in the server's own process, which is deaf meanwhile"
    )


def _add_keeping(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group(
        "what is kept", "By default everything, as long as the database."
    ).add_argument
    add("--keep-days", type=_positive, metavar="DAYS", help="delete finished jobs after this time")
    add("--keep-jobs", type=int, metavar="N", help="delete the oldest finished jobs beyond this number")
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


def _positive(text: str) -> float:
    number = float(text)
    if not number > 0:
        raise argparse.ArgumentTypeError("must be greater than 0")
    return number


def _add_programs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--allow-programs",
        nargs="?",
        const="isolated",
        default="no",
        choices=("no", "isolated", "trusted"),
        help="let clients upload Python programs; 'trusted' runs them even where they cannot be isolated",
    )


def _faults(path: str) -> tuple[Fault, ...]:
    try:
        return load_faults(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise argparse.ArgumentTypeError(str(error)) from error


if __name__ == "__main__":
    sys.exit(main())
