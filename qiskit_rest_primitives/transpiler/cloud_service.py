"""``TranspilerService``: transpile on a server, over the REST API of the former cloud transpiler (rest-api.md 6)."""

from __future__ import annotations

import os
import uuid
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from qiskit import QuantumCircuit
from qiskit.circuit import QuantumRegister, Qubit
from qiskit.exceptions import QiskitError
from qiskit.transpiler import CouplingMap, Layout, TranspileLayout

from ..exceptions import IBMInputValueError, IBMRuntimeError, ResultDecodeError, from_failure
from ..primitives.pubs import writing
from ..qasm.annotations import AnnotationRecords
from ..qasm.codec import EncodedCircuit, dump_circuit, load_circuit, rename_circuit
from ..qasm.qpy import read_circuit, write_circuits
from ..rest.auth import StaticBearer
from ..rest.http_client import Engine
from ..rest.messages import UNREADABLE, Failure, Request, query_of, readable, segment
from ..rest.transport import Transport
from ..wire.arrays import dump_base64, load_base64
from ..wire.jsonio import dumps

if TYPE_CHECKING:
    from ..service.service import QiskitRuntimeService

URL_VARIABLE, TOKEN_VARIABLE = "QISKIT_IBM_TRANSPILER_URL", "QISKIT_IBM_TOKEN"


class TranspilerService:
    """Transpiles circuits on a server.

    IBM's own service is gone; the server of this package answers the same requests with Qiskit's preset pass managers.

    Args:
        optimization_level: 0 to 3.
        ai: ``"true"``, ``"false"`` or ``"auto"``: whether AI passes are wanted. A server that has none says so, which
            becomes a warning if they were asked for with ``"true"``.
        coupling_map: Pairs of coupled qubits, instead of a backend's or of a backend.
        backend_name: Backend to transpile for.
        qiskit_transpile_options: Further arguments of ``qiskit.transpile``, such as ``seed_transpiler``.
        ai_layout_mode: For AI passes, and what is used instead of them: ``"KEEP"`` leaves each qubit where its number
            says, ``"OPTIMIZE"`` and ``"IMPROVE"`` choose places.
        use_fractional_gates: Whether the backend's rx and rzz may be used.
        optimization_preferences: What AI passes shall minimise: one or several of ``n_cnots``, ``n_gates``,
            ``cnot_layers``, ``layers`` and ``noise``. A server that does not heed them says so, which becomes a warning.
        service: A ``QiskitRuntimeService`` whose server to use.
        url: Base URL of the server, instead of ``service``; ``QISKIT_IBM_TRANSPILER_URL`` if both are None.
        token: API key for ``url``; ``QISKIT_IBM_TOKEN`` if None.
        timeout: Seconds for one ``run``.

    Raises:
        IBMInputValueError: An argument is not acceptable, or no server is known.
    """

    def __init__(
        self,
        optimization_level: int = 1,
        ai: Literal["true", "false", "auto"] | bool = "auto",
        coupling_map: CouplingMap | Sequence[Sequence[int]] | None = None,
        backend_name: str | None = None,
        qiskit_transpile_options: Mapping[str, Any] | None = None,
        ai_layout_mode: str | None = None,
        use_fractional_gates: bool = False,
        optimization_preferences: str | Sequence[str] | None = None,
        *,
        service: QiskitRuntimeService | None = None,
        url: str | None = None,
        token: str | None = None,
        timeout: float = 300.0,
    ) -> None:
        self.optimization_level = optimization_level
        self.ai = str(ai).lower()
        self.backend_name = backend_name
        self.coupling_map = None if coupling_map is None else [list(map(int, pair)) for pair in coupling_map]
        self.qiskit_transpile_options = dict(qiskit_transpile_options or {})
        self.ai_layout_mode = None if ai_layout_mode is None else ai_layout_mode.upper()
        self.use_fractional_gates = use_fractional_gates
        self.optimization_preferences = optimization_preferences
        self.timeout = timeout
        self._check()
        self._api = TranspilingApi(_transport_of(service, url, token))

    def _check(self) -> None:
        if self.optimization_level not in (0, 1, 2, 3):
            raise IBMInputValueError(f"optimization_level must be 0 to 3, not {self.optimization_level!r}.")
        if self.ai not in ("true", "false", "auto"):
            raise IBMInputValueError(f"ai must be 'true', 'false' or 'auto', not {self.ai!r}.")
        if self.ai_layout_mode not in (None, "KEEP", "OPTIMIZE", "IMPROVE"):
            raise IBMInputValueError("ai_layout_mode must be 'keep', 'optimize' or 'improve'.")
        if self.backend_name is None and self.coupling_map is None:
            raise IBMInputValueError("Give a backend_name or a coupling_map to transpile for.")

    def run(
        self, circuits: QuantumCircuit | Sequence[QuantumCircuit]
    ) -> QuantumCircuit | list[QuantumCircuit]:
        """Transpile one circuit or several.

        Args:
            circuits: The circuits.

        Returns:
            The transpiled circuits, with ``layout`` set; one if one was given, else a list. Names, metadata and
            parameters are those of the circuits that were given.

        Raises:
            IBMInputValueError: They are no circuits.
            IBMRuntimeError: The server could not transpile them; the message says why.
            RequestTimeoutError: It took longer than ``timeout``.
            ResultDecodeError: What came back cannot be read.
        """
        given = [circuits] if isinstance(circuits, QuantumCircuit) else list(circuits)
        if not all(isinstance(circuit, QuantumCircuit) for circuit in given):
            raise IBMInputValueError("Only circuits can be transpiled; give a QuantumCircuit or several.")
        if not given:
            return []
        with writing("A circuit"):
            written = [dump_circuit(circuit) for circuit in given]
        as_text = all(each.format == "qasm3" for each in written)
        order = {
            "qasm_circuits": [each.wire for each in written] if as_text else None,
            "qpy_circuits": None if as_text else _qpy(given),
            "backend_coupling_map": self.coupling_map,
            "qiskit_transpile_options": self.qiskit_transpile_options or None,
            "optimization_preferences": self.optimization_preferences,
        }
        query = {
            "backend": self.backend_name,
            "optimization_level": self.optimization_level,
            "ai": self.ai,
            "ai_layout_mode": self.ai_layout_mode,
            "use_fractional_gates": self.use_fractional_gates,
        }
        task = self._api.run(order, query, timeout=self.timeout)
        if task.result is None:
            raise IBMRuntimeError(f"Transpiling failed: {task.reason}")
        if task.message and (self.ai == "true" or self.optimization_preferences):
            warnings.warn(task.message, UserWarning, stacklevel=2)
        if len(task.result) != len(given):
            raise ResultDecodeError(f"{len(given)} circuits were sent, but {len(task.result)} came back.")
        found = [
            _read(document, circuit, each if as_text else None)
            for document, circuit, each in zip(task.result, given, written, strict=True)
        ]
        return found[0] if isinstance(circuits, QuantumCircuit) else found


def _transport_of(service: QiskitRuntimeService | None, url: str | None, token: str | None) -> Transport:
    if service is not None:
        return service.api().transport
    url, token = url or os.environ.get(URL_VARIABLE), token or os.environ.get(TOKEN_VARIABLE)
    if not url or not token:
        raise IBMInputValueError(
            f"Say which server shall transpile: give a service (for instance one of channel 'local'), or url and token, "
            f"or set {URL_VARIABLE} and {TOKEN_VARIABLE}. IBM's own transpiler service does not exist any more."
        )
    return Transport(url, Engine(), auth=StaticBearer(token), error_of=from_failure)


def _qpy(circuits: Sequence[QuantumCircuit]) -> str:
    return dump_base64(write_circuits(circuits))


def _read(
    document: Mapping[str, Any], original: QuantumCircuit, written: EncodedCircuit | None
) -> QuantumCircuit:
    """Read one circuit of a result, ``{"qasm", "qpy", "layout"}``; ``written`` is what the original was sent as, if that was text."""
    try:
        circuit = _circuit(document)
        if written is not None:
            own = dict(zip(written.inputs, written.expressions, strict=True))
            values = {each: own[each.name] for each in circuit.parameters if each.name in own}
            circuit = circuit.assign_parameters(values) if values else circuit
            circuit = _in_own_registers(rename_circuit(circuit, written.map), original)
        circuit.name, circuit.metadata = original.name, dict(original.metadata or {})
        circuit._layout = _layout(document.get("layout"), original, circuit)
    except (*UNREADABLE, QiskitError) as cause:
        raise ResultDecodeError(f"The transpiled circuit cannot be read: {readable(cause, 500)}") from cause
    return circuit


def _in_own_registers(circuit: QuantumCircuit, original: QuantumCircuit) -> QuantumCircuit:
    """Let conditions read the author's registers, where the wire's are there only for them."""
    names = {register.name for register in original.cregs}
    if all(register.name in names for register in circuit.cregs):
        return circuit
    own = [register for register in circuit.cregs if register.name in names]
    found = QuantumCircuit(*circuit.qregs, circuit.clbits, *own, global_phase=circuit.global_phase)
    return found.compose(circuit, circuit.qubits, circuit.clbits)


def _circuit(document: Mapping[str, Any]) -> QuantumCircuit:
    if document.get("qpy"):
        return read_circuit(load_base64(document["qpy"]), annotations=AnnotationRecords)
    return load_circuit(document["qasm"])


def _layout(
    layout: Mapping[str, Sequence[int]] | None, original: QuantumCircuit, circuit: QuantumCircuit
) -> TranspileLayout | None:
    """Return the layout that ``initial`` and ``final`` stand for.

    ``initial[i]`` is the physical qubit of qubit i, ancillas last; ``final[p]`` is where what starts on physical qubit p ends.
    """
    if layout is None:
        return None
    initial, final = list(layout["initial"]), list(layout["final"])
    spare = len(initial) - original.num_qubits
    ancillas: list[Qubit] = list(QuantumRegister(spare, "ancilla")) if spare > 0 else []
    virtual = [*original.qubits, *ancillas]
    return TranspileLayout(
        initial_layout=Layout(dict(zip(virtual, initial, strict=True))),
        input_qubit_mapping={qubit: index for index, qubit in enumerate(virtual)},
        final_layout=Layout({circuit.qubits[start]: end for start, end in enumerate(final)}),
        _input_qubit_count=original.num_qubits,
        _output_qubit_list=list(circuit.qubits),
    )


FIRST_PAUSE, GROWTH, LONGEST_PAUSE = 0.05, 1.5, 5.0
HOLD_SECONDS = 10.0


@dataclass(frozen=True)
class TranspileTask:
    """A task that has ended.

    Attributes:
        result: The documents of its circuits; None if it failed.
        reason: Why it failed.
        message: What the service says besides.
    """

    result: list[dict[str, Any]] | None
    reason: str | None
    message: str | None


class TranspilingApi:
    """The endpoints of one service."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def run(self, order: Mapping[str, Any], query: Mapping[str, Any], *, timeout: float) -> TranspileTask:
        """Submit an order with its query (rest-api.md 6.2) and wait until it has ended, at most ``timeout`` seconds for everything."""
        transport, end = self._transport, self._transport.clock() + timeout
        body = dumps({key: value for key, value in order.items() if value is not None})
        headers = {"Idempotency-Key": uuid.uuid4().hex}
        request = Request("POST", "/transpile", "POST /transpile", query_of(query), headers, body)
        task_id = transport.read(request, _task_id, timeout=timeout)
        path = f"/transpile/{segment(task_id, what='task id')}"
        pause = FIRST_PAUSE
        while True:
            left = end - transport.clock()
            headers = {"Prefer": f"wait={int(min(HOLD_SECONDS, left))}"} if left >= 1 else {}
            question = Request("GET", path, "GET /transpile/{id}", (), headers)
            document = transport.json(question, timeout=max(left, 0.1))
            if document.get("state") == "FAILURE":
                reason = document.get("error") or document.get("result") or "the service gave no reason"
                return TranspileTask(None, readable(reason), _message(document))
            # A success whose result is not there yet is none (6.1).
            if document.get("state") == "SUCCESS" and document.get("result") is not None:
                result = document["result"]
                listed = result if isinstance(result, list) else [result]
                return TranspileTask(listed, None, _message(document))
            if transport.clock() + pause >= end:
                message = f"Transpiling took more than {timeout} s."
                transport.fail(Failure("deadline", question.operation, "GET", "/transpile", message))
            transport.sleep(pause)
            pause = min(pause * GROWTH, LONGEST_PAUSE)


def _message(document: Mapping[str, Any]) -> str | None:
    said = document.get("message")
    return None if said is None else readable(said)


def _task_id(document: Mapping[str, Any]) -> str:
    """Read which task an order became; one that no path can hold is none."""
    segment(document["task_id"], what="task id")
    return str(document["task_id"])
