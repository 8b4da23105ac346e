"""What a server is told when it starts: instances, limits, times, and how it runs its jobs."""

from __future__ import annotations

import ipaddress
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from .._files import check_given
from .faults.plan import FaultPlan

if TYPE_CHECKING:
    from .devices.device import Device
    from .primitives.jobs import JobOutput

    Execute = Callable[[str, bytes, Device], JobOutput]

ACCOUNT = "0123456789abcdef0123456789abcdef"
DEFAULT_CRN = (
    f"crn:v1:bluemix:public:quantum-computing:us-east:a/{ACCOUNT}:10ca1000-0000-4000-8000-000000000001::"
)
OPEN_PLAN_SECONDS, OPEN_PLAN_JOBS = 600, 3
"""What the Open plan allows: usage within 28 days, and jobs of an instance that are not final."""


RETIRED_VARIABLE = "QISKIT_REST_PRIMITIVES_RETIRE"
"""Names programs that servers of this process and its children take no jobs of, as ``--retire`` does."""


@dataclass(frozen=True)
class Instance:
    """One service instance that the server answers for (rest-api.md 2.4 and 5.7).

    Attributes:
        crn: Cloud resource name; clients send it as ``Service-CRN``.
        name: Display name.
        plan: Display name of the plan. ``open`` brings the Open plan's rules: no dedicated sessions
            (code 1352), batches of at most 600 s, 600 s of usage within 28 days, 3 jobs that are not final.
        plan_id: Identifier under which the catalog knows the plan.
        pricing_type: ``free``, ``trial``, ``paygo``, ``paid``, ``subscription`` or ``unknown``.
        tags: The owner's tags.
        limit_seconds: Usage limit in seconds; None for that of the plan, if it has one.
        provider: ``hub/group/project`` under which the classic dialect knows the instance.
    """

    crn: str = field(default=DEFAULT_CRN, repr=False)
    name: str = "local"
    plan: str = "local"
    plan_id: str = "10ca1000-0000-4000-8000-0000000000aa"
    pricing_type: str = "free"
    tags: tuple[str, ...] = ()
    limit_seconds: int | None = None
    provider: str = "ibm-q/open/main"

    @property
    def account(self) -> str:
        """The account part of the CRN, without ``a/``."""
        return self.crn.split(":")[6].partition("/")[2]

    def at_most(self, seconds: int | None) -> int | None:
        """Return a usage limit, which may be none, no higher than that of the plan."""
        if self.plan != "open":
            return seconds
        return OPEN_PLAN_SECONDS if seconds is None else min(seconds, OPEN_PLAN_SECONDS)


@dataclass(frozen=True)
class Limits:
    """Where the server says no, as 4xx; None switches a limit off (rest-api.md 1.7).

    Attributes:
        body_bytes: Largest request body as received.
        decompressed_bytes: Largest request body after ``Content-Encoding: gzip``.
        uploading_bytes: All request bodies that are being received at the same time.
        connections: Open connections, idle ones among them; requests over others are answered 503.
        header_seconds: How long a connection may take to say what it wants.
        body_seconds: How long it may take to send the body.
        pubs: PUBs in one job.
        shots: Shots of one PUB.
        queued_jobs: Jobs waiting on the whole server.
        cost_seconds: Cap of ``cost``, the hard limit on a job's run time in seconds.
        submissions: Jobs per minute of one instance (the service: 5); off by default.
        transpilations: Transpilations waiting on the whole server.
        transpile_seconds: Longest time that one may take, counted from when it begins.
        transpile_bytes: Orders that wait together, and results that are kept together.
        transpile_keep_seconds: How long its result is kept.
        wait_seconds: Longest time that ``Prefer: wait`` may hold an answer.
    """

    body_bytes: int = 300_000_000
    decompressed_bytes: int = 300_000_000
    uploading_bytes: int = 600_000_000
    connections: int | None = 800
    header_seconds: float = 30.0
    body_seconds: float = 300.0
    pubs: int | None = 100_000
    shots: int | None = 10_000_000
    queued_jobs: int | None = 10_000
    cost_seconds: int = 10_800
    submissions: int | None = None
    transpilations: int = 100
    transpile_seconds: float = 300.0
    transpile_bytes: int = 200_000_000
    transpile_keep_seconds: float = 3_600.0
    wait_seconds: float = 60.0


@dataclass(frozen=True)
class SessionRules:
    """Times of a session in seconds (rest-api.md 5.4).

    Attributes:
        interactive_ttl: Idle time after which an active session becomes inactive.
        max_ttl: Longest life, from the start of its first job.
        start_ttl: How long a session that never ran a job stays open.
        exclusive: Whether an active dedicated session keeps other jobs off its device.
    """

    interactive_ttl: int = 60
    max_ttl: int = 28_800
    start_ttl: int = 1_800
    exclusive: bool = True


@dataclass(frozen=True)
class ProgramRules:
    """What programs may do.

    Attributes:
        allow: ``no``: none can be uploaded; ``isolated``: they run in namespaces of their own, or fail;
            ``trusted``: they run with limits only where the platform has no namespaces, as the server's own do.
        memory_bytes: What a program may need besides the interpreter with Qiskit.
        cpu_seconds: Processor time of each of its processes, seconds; None for its longest run time.
        processes: Processes and threads at the same time.
        files: Open files of each process.
        file_bytes: Largest file.
        work_bytes: Size of its directory.
        work_files: Files in its directory, directories and links among them.
        messages: Interim results of one run.
        message_bytes: Size of a result or of one interim result.
        output_bytes: Size of all interim results of one run.
        log_bytes: How much of what it prints is kept.
        source_bytes: Size of its source.
        programs: How many programs are kept.
    """

    allow: Literal["no", "isolated", "trusted"] = "no"
    memory_bytes: int = 4_000_000_000
    cpu_seconds: int | None = None
    processes: int = 64
    files: int = 256
    file_bytes: int = 100_000_000
    work_bytes: int = 200_000_000
    work_files: int = 10_000
    messages: int = 100_000
    message_bytes: int = 20_000_000
    output_bytes: int = 100_000_000
    log_bytes: int = 1_000_000
    source_bytes: int = 1_000_000
    programs: int = 1_000


@dataclass(frozen=True)
class Settings:
    """Everything that ``create_app`` needs.

    Attributes:
        devices: What is served, in the order of ``GET /backends``.
        token: The API key that clients exchange for a bearer token.
        instances: The instances; the first is the default one.
        database: SQLite file, or None to keep everything in memory.
        workers: Number of jobs that run at the same time.
        processes: Run all jobs in worker processes. Otherwise threads of the server run what is over in a moment, and
            worker processes, started on demand, everything else: in a thread, a simulation holds Python's global
            lock, so that nothing is answered and nothing can be cancelled until it ends.
        dask: Simulate on a Dask cluster instead: the address of its scheduler, or ``local:N`` for N workers inside
            this process.
        dask_plain: Whether the scheduler may be on another machine without TLS: who can write into that connection, or
            is in the cluster, can run code in the server.
        job_bytes: Memory that a job may take besides the interpreter with Qiskit, as may a transpilation; None for
            four fifths of the machine's. Linux only; elsewhere nothing holds a job back.
        seed: Makes every job repeatable whose options name no seed: the n-th job that a database accepts has always
            the same one.
        token_seconds: Lifetime of bearer tokens.
        limits: Where the server says no.
        sessions: Times of sessions.
        first_poll_hold: Seconds for which the first ``GET /jobs/{id}?exclude_params=true`` of a job may be
            held when it carries no ``Prefer`` header: a client that polls finds a short job finished at its
            first look instead of sleeping. As long may ``POST /jobs`` be held for a client that prefers to wait.
        compress_bytes: Smallest body that is compressed for clients that accept gzip; None if none is.
        retention_seconds: How long finished jobs are kept; None for ever.
        retention_jobs: How many finished jobs are kept; None for all.
        retention_bytes: How many bytes of inputs and results are kept before the oldest finished jobs go.
        on_restart: What becomes of jobs that ran when a former server on the same database ended: they run again, or
            they fail with a reason.
        clock: Seconds since the epoch.
        programs: What uploaded programs may do.
        retired: Programs that are not taken any more, as if there were none of these names. What ran before stays.
        execute: Runs one task in a thread, instead of ``primitives.registry.execute`` and the worker processes.
        faults: What goes wrong on purpose, for tests of clients.
    """

    devices: Sequence[Device]
    token: str = field(repr=False)
    instances: tuple[Instance, ...] = (Instance(),)
    database: str | None = None
    workers: int = 2
    processes: bool = True
    dask: str | None = None
    dask_plain: bool = False
    job_bytes: int | None = None
    seed: int | None = None
    token_seconds: int = 3600
    limits: Limits = Limits()
    sessions: SessionRules = SessionRules()
    first_poll_hold: float = 0.1
    compress_bytes: int | None = 65_536
    retention_seconds: float | None = None
    retention_jobs: int | None = None
    retention_bytes: int | None = None
    on_restart: Literal["rerun", "fail"] = "rerun"
    programs: ProgramRules = ProgramRules()
    retired: frozenset[str] = frozenset()
    clock: Callable[[], float] = time.time
    execute: Execute | None = None
    faults: FaultPlan = field(default_factory=FaultPlan)

    def __post_init__(self) -> None:
        if not self.token:
            raise ValueError(
                "The server needs an API key that is not empty: without one it would let everybody in."
            )
        if self.database is not None and not self.database.strip():
            raise ValueError("The database needs the name of a file; None keeps everything in memory.")
        if not self.devices or not self.instances:
            raise ValueError("The server needs at least one device and one instance.")

    def instance_of(self, provider: str | None) -> Instance:
        """Return the instance of a hub/group/project.

        The classic platform is gone and its scripts name hubs of their own, so any other one stands for the default
        instance.
        """
        return next((item for item in self.instances if item.provider == provider), self.instances[0])


def retired_programs(text: str) -> frozenset[str]:
    """Read names of programs between commas; of nothing, none.

    Raises:
        ValueError: There is no program of such a name.
    """
    names = [name.strip() for name in text.split(",")] if text.strip() else []
    if names:
        from .primitives.registry import PROGRAMS

        for name in names:
            if name not in PROGRAMS:
                raise ValueError(f"there is no program {name!r}: there are {', '.join(PROGRAMS)}")
    return frozenset(names)


@dataclass(frozen=True)
class Certificate:
    """Files for TLS.

    Attributes:
        chain: Certificate, with those that signed it, as PEM.
        key: Its private key as PEM; None if the first file holds it.
    """

    chain: str
    key: str | None = None

    def check(self) -> None:
        """Read the files.

        Raises:
            OSError: One of them is not there, or is not what it should be.
        """
        try:
            for path in (self.chain, self.key):
                if path is not None:
                    check_given(path)
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(self.chain, self.key)
        except OSError as error:
            files = self.chain if self.key is None else f"{self.chain} and {self.key}"
            raise OSError(f"cannot read certificate and key from {files}: {error}") from error


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def problem_of(host: str, *, own_token: bool, encrypted: bool, allowed: bool) -> str | None:
    """Return why a server must not listen on an address, or None if it may.

    Args:
        host: The address.
        own_token: Whether the API key was chosen rather than made up and printed.
        encrypted: Whether connections are encrypted.
        allowed: Whether the user said that it is meant.
    """
    if is_loopback(host):
        return None
    if not own_token:
        return f"{host} can be reached from other machines: choose a token."
    if not (encrypted or allowed):
        return f"{host} can be reached from other machines, and tokens would travel unencrypted: use TLS, or allow it."
    return None
