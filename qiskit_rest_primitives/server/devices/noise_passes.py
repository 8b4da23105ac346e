"""Noise passes of a model: what they put into a circuit, as marks that a simulation gives the noise to.

Passes see a circuit as the user wrote it: with all its qubits, before anything is written out. What they return besides
gates becomes a mark, ``QuantumErrorLocation`` as in Aer, by whose label the error is looked up. Aer inlines control flow
before it runs passes; here they run on each block.
"""

from __future__ import annotations

import hashlib
import json
import re
import warnings
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4
from weakref import WeakValueDictionary

import numpy as np
from qiskit.circuit import ControlFlowOp, Delay, ParameterExpression, QuantumCircuit, Qubit
from qiskit.exceptions import QiskitError
from qiskit.transpiler import PassManager
from qiskit_aer.noise import QuantumError, RelaxationNoisePass
from qiskit_aer.noise.noise_model import QuantumErrorLocation

from ..._locks import fork_safe_lock
from ...qasm.noise_model import load_passes, passes_in
from ..job_errors import BAD_CIRCUIT, INVALID, ParamsError, TaskFailed
from .noise import MARK

Errors = dict[str, dict[str, Any]]
"""Aer's dictionaries of errors by the labels of their marks."""


def has_delays(circuit: QuantumCircuit) -> bool:
    """Tell whether a circuit has a delay, in a block or outside: Aer runs passes on no other circuit."""
    return any(
        isinstance(step.operation, Delay)
        or (isinstance(step.operation, ControlFlowOp) and any(map(has_delays, step.operation.blocks)))
        for step in circuit.data
    )


def insert(passes: Sequence[Any], circuit: QuantumCircuit) -> tuple[QuantumCircuit, Errors]:
    """Run passes on a circuit, in which qubit k is qubit k of the device; return it with what its marks stand for."""
    blocks = any(isinstance(step.operation, ControlFlowOp) for step in circuit.data)
    whole = [
        one for one in passes if not isinstance(one, RelaxationNoisePass) and not getattr(one, "_ops", ())
    ]
    if blocks and whole:
        raise TaskFailed(
            f"The noise pass {type(whole[0]).__name__} looks at all instructions, which is not supported in circuits "
            "with control flow: give it op_types.",
            INVALID,
        )
    errors: Errors = {}
    try:
        made = _through(
            PassManager(list(passes)), circuit, range(circuit.num_qubits), circuit.num_qubits, errors
        )
    except TaskFailed:
        raise
    except Exception as cause:  # the user's own code
        raise TaskFailed(
            f"A noise pass failed: {type(cause).__name__}: {str(cause)[:300]}", INVALID
        ) from cause
    return made, errors


def _through(
    manager: PassManager, body: QuantumCircuit, places: Sequence[int], width: int, errors: Errors
) -> QuantumCircuit:
    """Run passes on a circuit, or on a block whose qubits stand at ``places`` of the circuit."""
    wide = _spread(body, places, width)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # instructions whose duration nobody knows relax nothing, as in Aer
        done: QuantumCircuit = manager.run(wide)
    index = {qubit: place for place, qubit in enumerate(done.qubits)}
    back = dict(zip(places, body.qubits, strict=True))
    made = body.copy_empty_like()
    for step in done.data:
        where = [index[qubit] for qubit in step.qubits]
        operation = step.operation
        if isinstance(operation, ControlFlowOp):
            operation = operation.replace_blocks(
                _through(manager, block, where, width, errors) for block in operation.blocks
            )
        elif operation.name in ("quantum_channel", "kraus", "superop"):
            operation = _mark(operation, errors)
        elif isinstance(operation, Delay) and isinstance(operation.duration, ParameterExpression):
            raise TaskFailed("A delay without a fixed duration cannot go through a noise pass.", BAD_CIRCUIT)
        made.append(operation, [back[place] for place in where], step.clbits)
    made.metadata, made.global_phase = body.metadata, done.global_phase
    return made


def _spread(body: QuantumCircuit, places: Sequence[int], width: int) -> QuantumCircuit:
    """Return a block on all qubits of the circuit, which is how a pass numbers them."""
    if list(places) == list(range(width)):
        return body
    own = dict(zip(places, body.qubits, strict=True))
    wide = QuantumCircuit([own.get(place, Qubit()) for place in range(width)], body.clbits, *body.cregs)
    for variable in (*body.iter_input_vars(), *body.iter_captured_vars()):
        wide.add_input(variable)
    for step in body.data:
        wide.append(step)
    return wide


def _mark(operation: Any, errors: Errors) -> QuantumErrorLocation:
    """Return the mark that stands for a channel; equal channels have equal labels."""
    error = getattr(operation, "_quantum_error", None) or QuantumError([(operation, 1.0)])
    document = error.to_dict()
    text = json.dumps([document["instructions"], document["probabilities"]], default=_written)
    label = MARK + hashlib.sha256(text.encode()).hexdigest()[:32]
    errors[label] = {**document, "operations": [label], "id": label}
    mark = QuantumErrorLocation(error)
    mark.label = label
    return mark


def _written(value: Any) -> Any:
    if isinstance(value, complex):
        return [value.real, value.imag]
    return np.asarray(value).tolist() if isinstance(value, (np.ndarray, np.generic)) else repr(value)


def relaxed(passes: Sequence[RelaxationNoisePass], qubit: int, seconds: float) -> Mapping[str, Any] | None:
    """Return Aer's dictionary of what relaxation passes do to a qubit in a delay; None for nothing."""
    found: QuantumError | None = None
    for one in passes:
        if qubit >= len(one._t1s):
            raise TaskFailed(
                f"The noise model has a T1 and T2 for {len(one._t1s)} qubits, but qubit {qubit} has a delay.",
                INVALID,
            )
        try:
            error = one._thermal_relaxation_error(Delay(seconds, "s"), [qubit])
        except QiskitError as cause:
            raise TaskFailed(f"Qubit {qubit} cannot relax: {cause.message}", INVALID) from cause
        if error is not None:
            found = error if found is None else found.compose(error)
    return None if found is None or found.ideal() else found.to_dict()


_NAME = re.compile(rb"held-pass-[0-9a-f]{32}")

MOST = 1024
"""How many passes are kept besides those that devices keep; each is a few bytes, and what its function refers to."""

_PASSES: WeakValueDictionary[str, Any] = WeakValueDictionary()
"""Documented cache: the passes by their names."""
_KEPT: deque[Any] = deque(maxlen=MOST)
"""Documented cache: the last passes, so that jobs which are waiting find them."""
_LOCK = fork_safe_lock()


def hold(one: Any) -> str:
    """Keep a pass, and return its name: always the same one for the same object."""
    with _LOCK:
        for key, known in _PASSES.items():
            if known is one:
                return key
        key = f"held-pass-{uuid4().hex}"
        _PASSES[key] = one
        _KEPT.append(one)
        return key


def held(entry: Mapping[str, Any]) -> Any:
    """Return the pass that an entry of a document names; a ValueError if this process keeps none of that name."""
    found = _PASSES.get(str(entry.get("key")))
    if found is None:
        raise ValueError(
            f"its noise pass {str(entry.get('name'))[:200]} runs code of its own and is kept in another process: submit the "
            "job to a simulator there, mode=AerSimulator(...)"
        )
    return found


def check_held(params: Mapping[str, Any]) -> None:
    """Refuse params whose noise model has a pass that is kept in another process, before their job waits for its turn."""
    options = params.get("options")
    for place in (("simulator",), ("experimental", "simulator")):
        model = options
        for name in (*place, "noise_model"):
            model = model.get(name) if isinstance(model, Mapping) else None
        kept = [entry for entry in passes_in(model) if entry.get("type") == "held"]
        try:
            load_passes(kept, held)
        except ValueError as cause:
            path = ".".join(("params.options", *place, "noise_model"))
            raise ParamsError(f"{path} cannot be simulated: {cause}.") from cause


def names_held(params: bytes) -> bool:
    """Tell whether the params of a job name a pass that is kept in this process, and so can run nowhere else."""
    return (
        bool(_PASSES)
        and b"held-pass-" in params
        and any(name.decode() in _PASSES for name in _NAME.findall(params))
    )
