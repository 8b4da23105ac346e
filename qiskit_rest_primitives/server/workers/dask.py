"""Simulating on a Dask cluster: somebody else's, or workers inside this process."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import pickle
import threading
import uuid
import zlib
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError, Future
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ..._locks import fork_safe_lock
from ..devices.device import Device
from ..job_errors import INTERNAL, TaskFailed
from ..settings import is_loopback
from . import dask_task as cluster_task
from .process import WorkerDied
from .tasks import DaemonThreads, Task, ThreadsFirst

if TYPE_CHECKING:
    from ..primitives.jobs import JobOutput

logger = logging.getLogger(__name__)

CONNECT_SECONDS = 15.0
AGAIN_SECONDS = 1.0
SILENT_SECONDS = 60.0
"""After so long without a word that a task begins, the scheduler is asked: words can be lost, and time limits with them."""
_PACKED_DEVICES = 32


def local_workers(place: str) -> int | None:
    """Return N of ``local:N``, None for the address of a scheduler; a ValueError if it is neither."""
    kind, _, rest = place.partition(":")
    if kind == "local":
        if not rest.isdecimal() or int(rest) < 1:
            raise ValueError(f"{place!r} should be local:N with a number of workers.")
        return int(rest)
    if kind not in ("tcp", "tls", "ws", "wss", "ucx") or not rest.startswith("//"):
        raise ValueError(f"{place!r} is neither local:N nor an address such as tcp://host:8786.")
    return None


def problem_of_place(place: str, *, plain: bool) -> str | None:
    """Return why a server must not trust a cluster, or None if it may, because the user said so (``plain``) or it is protected.

    Dask's own protocol unpickles what it receives: whoever can write into the connection can run code here. So others
    must not be able to: TLS, with certificates on both sides, or a connection that never leaves this machine.
    """
    if local_workers(place) is not None or plain or place.startswith(("tls://", "wss://")):
        return None
    if is_loopback(urlsplit(place).hostname or ""):
        return None
    return f"{place} is neither encrypted nor on this machine, and whoever writes into the connection could run code here"


class ClusterAway(TaskFailed):
    """The cluster cannot be reached, so the task has no outcome; ``back`` is done when it can be again."""

    def __init__(self, back: Future[None]) -> None:
        super().__init__("The connection to the Dask cluster was lost.", INTERNAL)
        self.back = back


def _workers_here(distributed: Any, count: int) -> Any:
    """Return a cluster inside this process, where no socket listens.

    The simulations have processes of their own.
    """
    quiet: dict[str, list[str]] = {
        "distributed.scheduler.http.routes": [],
        "distributed.worker.http.routes": [],
    }
    import dask.config

    with dask.config.set(quiet):
        cluster = distributed.LocalCluster(
            n_workers=1, threads_per_worker=count, processes=False, dashboard_address="127.0.0.1:0"
        )
    for node in (cluster.scheduler, *cluster.workers.values()):
        cluster.loop.add_callback(node.http_server.stop)  # the worker's would be open to every machine
    return cluster


def _dask() -> Any:
    import distributed

    return distributed


class ClusterSimulators(ThreadsFirst):
    """Runs tasks on a cluster.

    The cluster itself runs a task again whose worker died; one that keeps killing workers fails with ``WorkerDied``.
    When the cluster is out of reach, its tasks fail with ``ClusterAway``, and the connection is tried until it is there.

    Args:
        devices: The devices by name; others may join and leave.
        workers: How many tasks are on the cluster at the same time.
        place: ``local:N``, or the address of a Dask scheduler.
        memory: Bytes that a job may take; None for a share of its machine's.
        plain: Whether a cluster on another machine may be reached without TLS.
    """

    def __init__(
        self,
        devices: Mapping[str, Device],
        *,
        workers: int,
        place: str,
        memory: int | None = None,
        plain: bool = False,
    ) -> None:
        if (problem := problem_of_place(place, plain=plain)) is not None:
            raise ValueError(problem)
        super().__init__(devices, workers)
        self._place = place
        self._memory = memory
        self._lock = fork_safe_lock()
        self._connecting = fork_safe_lock()
        self._tasks: dict[Future[JobOutput], Any] = {}
        self._given_up: set[Future[JobOutput]] = set()
        self._begun: dict[str, Callable[[], None]] = {}
        self._silent: set[str] = set()
        self._back: Future[None] | None = None
        self._ending = threading.Event()
        self._packed: dict[str, tuple[Device, bytes]] = {}
        self._stopped = False
        self._cluster: Any = None
        self._client: Any = None
        # Not on the caller's thread, whose event loop is not Dask's.
        connecting = DaemonThreads(1)
        try:
            connecting.submit(self._connected).result()
        except ModuleNotFoundError as error:
            raise ImportError(
                f"Simulating on a cluster needs {error.name}: pip install 'qiskit-rest-primitives[cluster]'."
            ) from error
        finally:
            connecting.shutdown()

    def abort(self, future: Future[JobOutput]) -> None:
        """Give up a task; what simulates it is killed."""
        if future.cancel():
            return
        with self._lock:
            self._given_up.add(future)
            task = self._tasks.get(future)
        if task is not None:
            # A cluster that is out of reach must not keep the caller waiting.
            threading.Thread(target=self._kill, args=(task,), daemon=True).start()

    def shutdown(self, *, wait: bool) -> None:
        """Stop; what runs is killed. ``wait`` for the threads, for a moment."""
        self._ending.set()
        with self._lock:
            self._stopped = True
            tasks = list(self._tasks.values())
        ending = DaemonThreads(1)
        done = ending.submit(self._close, tasks)
        try:
            done.result(timeout=3)
        except Exception as error:  # noqa: BLE001 (whatever a lost cluster raises, the server ends)
            logger.warning("the cluster was left behind: %s", type(error).__name__)
        ending.shutdown()
        self._threads.shutdown(wait=wait, cancel_futures=True)

    def _elsewhere(self, future: Future[JobOutput], asked: Task) -> JobOutput:
        """Do a task on the cluster; one that it runs again, because its worker died, begins once more.

        Raises:
            WorkerDied, ClusterAway: It has no outcome.
        """
        distributed = _dask()
        name = f"simulation-{uuid.uuid4().hex}"
        order = (name, asked.program_id, asked.params, self._pack(asked.device), asked.seed, self._memory)
        self._begun[name] = asked.begun
        self._silent.add(name)
        task = None
        try:
            task = self._connected().submit(cluster_task.run, *order, key=name, pure=False)
            with self._lock:
                self._tasks[future] = task
                given_up = self._stopped or future in self._given_up
            if given_up:
                self._kill(task)
            answer = self._wait(task, asked.begun)
        except distributed.scheduler.KilledWorker as error:
            raise WorkerDied("The workers of the Dask cluster ended unexpectedly.") from error
        except (OSError, RuntimeError, CancelledError) as error:
            with self._lock:
                given_up = self._stopped or future in self._given_up
            raise (
                WorkerDied("The task was given up.") if given_up else ClusterAway(self._coming_back())
            ) from error
        finally:
            with self._lock:
                self._begun.pop(name, None)
                self._silent.discard(name)
                self._tasks.pop(future, None)
                self._given_up.discard(future)
            if task is not None:
                task.release()
        return cluster_task.load_outcome(answer)

    def _wait(self, task: Any, begun: Callable[[], None]) -> object:
        """Return what a task answers; one that runs without having said so begins when that is noticed."""
        while True:
            try:
                return task.result(timeout=SILENT_SECONDS)
            except (TimeoutError, asyncio.TimeoutError):
                if task.done():
                    raise
            if task.key in self._silent and any(
                task.key in keys for keys in self._connected().processing().values()
            ):
                self._silent.discard(task.key)
                begun()

    def _coming_back(self) -> Future[None]:
        """Return what is done when the cluster can be reached again, for which a thread tries."""
        with self._lock:
            if self._back is None or self._back.done():
                logger.warning("the Dask cluster %s is out of reach; its jobs wait", self._place)
                self._back = Future()
                threading.Thread(target=self._come_back, args=(self._back,), daemon=True).start()
            return self._back

    def _come_back(self, back: Future[None]) -> None:
        while not self._is_back():
            self._ending.wait(AGAIN_SECONDS)
        back.set_result(None)

    def _is_back(self) -> bool:
        """Try to connect; also true when the server ends, and nobody needs to know any more."""
        if self._ending.is_set():
            return True
        try:
            self._connected()
        except Exception as error:  # noqa: BLE001 (Dask raises all kinds; it is tried again)
            logger.debug("the Dask cluster cannot be reached: %s", type(error).__name__)
            return False
        logger.warning("the Dask cluster %s can be reached again", self._place)
        return True

    def _kill(self, task: Any) -> None:
        name = task.key
        try:
            task.cancel()
            self._client.run(cluster_task.kill, name, on_error="ignore")
        except Exception as error:  # noqa: BLE001 (the task ends in its own time then)
            logger.warning("a task of the cluster could not be killed: %s", type(error).__name__)

    def _pack(self, name: str) -> bytes:
        device = self._devices[name]
        known = self._packed.get(name)
        if known is None or known[0] is not device:
            if len(self._packed) >= _PACKED_DEVICES:
                self._packed.clear()
            self._packed[name] = known = (device, zlib.compress(pickle.dumps(device), 1))
        return known[1]

    def _connected(self) -> Any:
        """Return a client of the cluster, a new one if the connection was lost."""
        with self._connecting:
            if self._client is None or self._client.status != "running":
                lost, self._client = self._client, None
                if lost is not None:
                    with contextlib.suppress(Exception):  # whatever Dask raises: it is lost
                        lost.close(timeout=0)
                self._client = self._new_client()
            return self._client

    def _new_client(self) -> Any:
        distributed = _dask()
        count = local_workers(self._place)
        if count is not None and self._cluster is None:
            self._cluster = _workers_here(distributed, count)
        address = self._place if self._cluster is None else self._cluster
        client = distributed.Client(address, set_as_default=False, timeout=CONNECT_SECONDS)
        client.subscribe_topic(cluster_task.BEGUN, self._heard)
        return client

    def _heard(self, event: tuple[float, Any]) -> None:
        """Pass on that a task begins; others' tasks on the same cluster are not our business."""
        name = str(event[1])
        begun = self._begun.get(name)
        if begun is not None:
            self._silent.discard(name)
            begun()

    def _close(self, tasks: list[Any]) -> None:
        if self._client is None:
            return
        for task in tasks:
            self._kill(task)
        if self._cluster is not None:
            self._client.run(cluster_task.close, on_error="ignore")
        self._client.close(timeout=1)
        if self._cluster is not None:
            self._cluster.close(timeout=1)
