"""What runs inside a program's process: read the order, call ``main``, report."""

from __future__ import annotations

import contextlib
import gc
import json
import linecache
import math
import os
import pickle
import resource
import sys
import traceback
import types
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import IO, Any

from qiskit.circuit import QuantumCircuit
from qiskit.providers import JobV1, Options
from qiskit.transpiler import Target
from qiskit_aer import AerSimulator

from ..._locks import fork_safe_lock
from ...models.documents import BackendConfiguration, BackendProperties
from ...programs.author import ProgramBackend, UserMessenger
from ...wire.typed import RuntimeDecoder, RuntimeEncoder
from ..devices.device import Device
from .frames import BEGIN, ERROR, INTERIM, RESULT, write_frame

FILE = "program.py"
MODULE = "program"
TRACEBACK_CHARACTERS = 6_000
ROOM_TO_TRANSPILE = 512 << 20
"""Address space, bytes, of what Qiskit loads when it first transpiles: plugins of whatever packages are installed."""


def main() -> None:
    """Run the program that standard input holds; messages go to the descriptor named on the command line."""
    with os.fdopen(int(sys.argv[1]), "wb") as pipe:
        source, params, device, memory, seconds = pickle.load(sys.stdin.buffer)  # noqa: S301 (the server's own bytes)
        with open(os.devnull) as nothing:  # noqa: PTH123
            os.dup2(nothing.fileno(), 0)
        for stream in (sys.stdout, sys.stderr):
            stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]
        try:
            _answer_to_old_names()
            _limit_memory(memory)
            _limit_time(seconds)
            service = _Service(pipe)
            write_frame(pipe, BEGIN, b"null")
            returned = _call(source, params, DeviceBackend(device), UserMessenger(service.publish))
            body = service.final if returned is None and service.final is not None else _json(returned)
        except BaseException as error:  # noqa: BLE001 (also SystemExit and MemoryError: it is the program's)
            gc.collect()
            # A file name or a message may hold half of a surrogate pair, which nobody could store.
            text = _explained(error).encode("utf-8", "backslashreplace").decode()
            write_frame(pipe, ERROR, json.dumps(text).encode())
        else:
            write_frame(pipe, RESULT, body)


def _call(source: str, params: bytes, backend: Any, messenger: Any) -> Any:
    linecache.cache[FILE] = (len(source), None, source.splitlines(keepends=True), FILE)
    module = types.ModuleType(MODULE)
    module.__file__ = FILE
    sys.modules[MODULE] = module
    inputs = json.loads(params, cls=RuntimeDecoder)
    exec(compile(source, FILE, "exec"), module.__dict__)  # noqa: S102 (the purpose of this process)
    entry: Callable[..., Any] | None = getattr(module, "main", None)
    if not callable(entry):
        raise TypeError("the program has no function main(backend, user_messenger, **kwargs)")
    return entry(backend, messenger, **inputs)


class _Service:
    """Sends messages to the server; keeps one that is said to be the result."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe = pipe
        self._lock = fork_safe_lock()
        self.final: bytes | None = None

    def publish(self, message: Any, encoder: type[json.JSONEncoder], final: bool) -> None:
        body = _json(message, encoder)
        if final:
            self.final = body
            return
        with self._lock:
            write_frame(self._pipe, INTERIM, body)


def _json(value: Any, encoder: type[json.JSONEncoder] = RuntimeEncoder) -> bytes:
    return json.dumps(value, cls=encoder).encode()


def _explained(error: BaseException) -> str:
    """Return the end of the traceback, without the frames of this file and without paths of this machine."""
    if isinstance(error, MemoryError):
        return f"The program needed more memory than its limit: {error or type(error).__name__}"
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    text = "".join(traceback.format_exception(type(error), error, trace))
    for library in sorted(filter(None, sys.path), key=len, reverse=True):
        text = text.replace(library.rstrip("/") + "/", "")
    return text if len(text) <= TRACEBACK_CHARACTERS else "...\n" + text[-TRACEBACK_CHARACTERS:]


def _limit_memory(memory: int) -> None:
    """Let the program have this much more address space than Qiskit needs, bytes."""
    with contextlib.suppress(OSError, ValueError):
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + ROOM_TO_TRANSPILE + memory
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _limit_time(seconds: int) -> None:
    """Let the program use this many processor seconds more than its interpreter has used already.

    The first limit ends it with a signal that tells why, the second one without.
    """
    used = resource.getrusage(resource.RUSAGE_SELF)
    limit = math.ceil(used.ru_utime + used.ru_stime) + seconds
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 2))


def _answer_to_old_names() -> None:
    """Let programs import what they are written with from where it used to be."""
    from ... import compat
    from ...programs import author as program

    compat.install()
    for name in ("qiskit.providers.ibmq.runtime", "qiskit.providers.ibmq.runtime.utils"):
        sys.modules[name] = program
    sys.modules["qiskit.providers.ibmq"] = types.ModuleType("qiskit.providers.ibmq")


if __name__ == "__main__":
    main()


STRUCTURE = (
    "barrier", "measure", "reset", "delay", "initialize", "unitary", "if_else", "while_loop", "for_loop"
)  # fmt: skip


class DeviceBackend(ProgramBackend):
    """A device, whose noise is simulated, as a backend with ``run``."""

    def __init__(self, device: Device) -> None:
        super().__init__(name=device.name, description=device.configuration.get("description"))
        self._device = device

    @property
    def target(self) -> Target:
        """The device's target."""
        return self._device.target

    @property
    def max_circuits(self) -> int | None:
        """No limit."""
        return None

    def configuration(self) -> BackendConfiguration:
        """The device's configuration, as programs for Qiskit's first interface ask for it."""
        return BackendConfiguration.from_dict(self._device.configuration)

    def properties(self) -> BackendProperties | None:
        """The device's calibration data, likewise."""
        document = self._device.properties
        return BackendProperties.from_dict(document, backend_name=self.name) if document else None

    @classmethod
    def _default_options(cls) -> Options:
        return Options(shots=4000)

    @cached_property
    def _simulator(self) -> AerSimulator:
        return AerSimulator(noise_model=self._device.noise_model())

    def run(self, circuits: QuantumCircuit | Sequence[QuantumCircuit], **options: Any) -> JobV1:
        """Simulate circuits; see ``ProgramBackend.run``."""
        chosen = {"shots": self.options.shots, **options}
        listed = [circuits] if isinstance(circuits, QuantumCircuit) else list(circuits)
        return self._simulator.run([self._known(circuit) for circuit in listed], **chosen)

    def _known(self, circuit: QuantumCircuit) -> QuantumCircuit:
        """Return a circuit whose gates Aer knows; devices may have gates that it does not."""
        known = {*self._simulator.operation_names, *STRUCTURE}
        while foreign := set(circuit.count_ops()) - known:
            simpler = circuit.decompose(list(foreign))
            if set(simpler.count_ops()) == set(circuit.count_ops()):
                break  # Aer says what it does not know
            circuit = simpler
        return circuit
