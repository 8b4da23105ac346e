"""What a worker of a Dask cluster does for the server: simulate in a process that can be killed."""

from __future__ import annotations

import hashlib
import json
import pickle
import struct
import zlib
from collections import OrderedDict
from typing import TYPE_CHECKING

from ..._locks import fork_safe_lock
from ..job_errors import INTERNAL, TaskFailed
from ..primitives.jobs import JobOutput
from .processes import Processes

if TYPE_CHECKING:
    from ..devices.device import Device

BEGUN = "qiskit-rest-primitives: begun"
"""The topic under which a task says that it begins."""
_DEVICES_KEPT = 32
_LENGTH = struct.Struct(">I")


class _Devices(OrderedDict[str, "Device"]):
    """The devices that this Dask worker was sent, by the digests of their bytes."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = fork_safe_lock()

    def load(self, packed: bytes) -> str:
        name = hashlib.sha256(packed).hexdigest()
        with self._lock:
            if name not in self:
                self[name] = pickle.loads(zlib.decompress(packed))  # noqa: S301 (from our own server)
            self.move_to_end(name)
            if len(self) > _DEVICES_KEPT and not _PROCESSES.busy:
                self.popitem(last=False)
        return name


_DEVICES = _Devices()
_PROCESSES = Processes(_DEVICES)
"""The processes of this Dask worker; those that are idle are used again, since they remember circuits."""


def run(
    task: str, program_id: str, params: bytes, device: bytes, seed: int | None, memory: int | None
) -> bytes:
    """Run one task, whose name is for ``kill`` and for the word that it begins, on a device: zlib of its pickle.

    Returns what ``load_outcome`` reads. Bytes of memory are those that it may take; None for a share of this machine's.
    """
    try:
        name = _DEVICES.load(device)
        return dump_outcome(
            _PROCESSES.run(
                task,
                lambda worker, begins: worker.execute(program_id, params, name, seed=seed, begun=begins),
                memory=memory,
                begun=lambda: _say_begun(task),
            )
        )
    except TaskFailed as failure:
        return dump_outcome(failure)
    except Exception as error:  # noqa: BLE001 (its class may be unknown to the server, or known and harmful)
        return dump_outcome(TaskFailed(f"Internal error ({type(error).__name__}).", INTERNAL))


def _say_begun(task: str) -> None:
    import distributed

    distributed.get_worker().log_event(BEGUN, task)


def dump_outcome(outcome: JobOutput | TaskFailed) -> bytes:
    """Write what became of a task. Inverse: ``load_outcome``."""
    head: dict[str, object]
    if isinstance(outcome, TaskFailed):
        head, body = {"failed": [outcome.reason, outcome.code, outcome.solution]}, b""
    else:
        head, body = {"seconds": outcome.seconds, "circuits": outcome.circuits}, outcome.body
    text = json.dumps(head).encode()
    return _LENGTH.pack(len(text)) + text + body


def load_outcome(answer: object) -> JobOutput:
    """Read what ``dump_outcome`` wrote for a task of the cluster; a failure is raised, as is nonsense."""
    try:
        if type(answer) is not bytes:
            raise TypeError
        (length,) = _LENGTH.unpack_from(answer)
        start = _LENGTH.size + length
        head = json.loads(answer[_LENGTH.size : start])
        if "failed" not in head:
            return JobOutput(answer[start:], float(head["seconds"]), int(head["circuits"]))
        reason, code, solution = head["failed"]
        failure = TaskFailed(str(reason), int(code), None if solution is None else str(solution))
    except (struct.error, ValueError, TypeError, KeyError, RecursionError) as cause:
        raise TaskFailed("The Dask cluster answered something that is no result.", INTERNAL) from cause
    raise failure


def kill(task: str) -> None:
    """End a task at once if it runs on this Dask worker, and let it not begin here."""
    _PROCESSES.kill(task)


def close() -> None:
    """End the idle processes of this Dask worker."""
    _PROCESSES.close_idle()
