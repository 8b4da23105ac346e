"""Simulating on a Dask cluster: somebody else's, or workers inside this process.

What lives here: the connection to the cluster, and one task of it for every job that runs. What does not: what a
worker of the cluster does with a task (``cluster_task``), choosing jobs (``jobs/scheduler``).
"""

from __future__ import annotations

import logging
import pickle
import threading
import uuid
import zlib
from collections.abc import Mapping
from concurrent.futures import CancelledError, Future
from typing import TYPE_CHECKING, Any

from ..._locks import fork_safe_lock
from ..devices.device import Device
from . import cluster_task
from .pool import DaemonThreads
from .worker import WorkerDied

if TYPE_CHECKING:
    from ..primitives.engine import Outcome

logger = logging.getLogger(__name__)

CONNECT_SECONDS = 15.0
_PACKED_DEVICES = 32


def local_workers(place: str) -> int | None:
    """Return N of ``local:N``, None for the address of a scheduler.

    Raises:
        ValueError: If it is neither.
    """
    kind, _, rest = place.partition(":")
    if kind == "local":
        if not rest.isdecimal() or int(rest) < 1:
            raise ValueError(f"{place!r} should be local:N with a number of workers.")
        return int(rest)
    if kind not in ("tcp", "tls", "ws", "wss", "ucx") or not rest.startswith("//"):
        raise ValueError(f"{place!r} is neither local:N nor an address such as tcp://host:8786.")
    return None


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


class ClusterSimulators:
    """Runs tasks on a cluster, with the methods of ``pool.Simulators``.

    The cluster itself runs a task again whose worker died; one that keeps killing workers fails with ``WorkerDied``.

    Args:
        devices: The devices by name; others may join and leave.
        workers: How many tasks are on the cluster at the same time.
        place: ``local:N``, or the address of a Dask scheduler.
        memory: Bytes that a job may take; None for a share of its machine's.

    Raises:
        ImportError: Dask is not installed.
        OSError: The scheduler cannot be reached.
    """

    def __init__(
        self, devices: Mapping[str, Device], *, workers: int, place: str, memory: int | None = None
    ) -> None:
        self._devices = devices
        self._place = place
        self._memory = memory
        self._threads = DaemonThreads(workers)
        self._lock = fork_safe_lock()
        self._connecting = fork_safe_lock()
        self._tasks: dict[Future[Outcome], Any] = {}
        self._given_up: set[Future[Outcome]] = set()
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

    def submit(
        self, program_id: str, params: bytes, device: str, *, seed: int | None = None
    ) -> Future[Outcome]:
        """Start a task; the future's error may be ``WorkerDied``."""
        return self._threads.submit_aware(self._run, program_id, params, self._pack(device), seed)

    def abort(self, future: Future[Outcome]) -> None:
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
        """Stop; what runs is killed.

        Args:
            wait: Wait for the threads, for a moment.
        """
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

    def _run(
        self, future: Future[Outcome], program_id: str, params: bytes, device: bytes, seed: int | None
    ) -> Outcome:
        distributed = _dask()
        try:
            client = self._connected()
            name = f"simulation-{uuid.uuid4().hex}"
            task = client.submit(
                cluster_task.run,
                name,
                program_id,
                params,
                device,
                seed,
                self._memory,
                key=name,
                pure=False,
            )
        except (OSError, RuntimeError) as error:
            raise WorkerDied("The Dask cluster cannot be reached.") from error
        with self._lock:
            self._tasks[future] = task
            given_up = self._stopped or future in self._given_up
        try:
            if given_up:
                self._kill(task)
            outcome: Outcome = task.result()
        except (distributed.scheduler.KilledWorker, CancelledError, OSError) as error:
            raise WorkerDied("The workers of the Dask cluster ended unexpectedly.") from error
        finally:
            with self._lock:
                self._tasks.pop(future, None)
                self._given_up.discard(future)
            task.release()
        return outcome

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
            if self._client is None or self._client.status == "closed":
                self._client = self._new_client()
            return self._client

    def _new_client(self) -> Any:
        distributed = _dask()
        count = local_workers(self._place)
        if count is not None and self._cluster is None:
            self._cluster = _workers_here(distributed, count)
        address = self._place if self._cluster is None else self._cluster
        return distributed.Client(address, set_as_default=False, timeout=CONNECT_SECONDS)

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
