"""What noise learners read and write: the boxes that version 3 is given, and the layers that version 2 finds (rest-api.md 4.7, 4.12).

On which qubits a box stands, what twirling leaves of it and how its noise is learned is read alike by the client, which
refuses others before it sends them, and the server. Boxes are written as schema v0.3, and read from v0.1 on, which differ in
what the options have.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from qiskit.circuit import BoxOp, CircuitInstruction, QuantumCircuit, QuantumRegister, Qubit
from qiskit.exceptions import QiskitError
from qiskit.quantum_info import Clifford, PauliLindbladMap

from ..qasm.annotations import AnnotationRecords, find_annotation
from ..qasm.qpy import VERSION, read_circuit, write_circuits
from ..results.noise_learner import LayerError, NoiseLearnerResult, PauliLindbladError
from . import typed
from .arrays import dump_base64, load_base64
from .jsonio import DecodeError

VERSIONS = ("v0.1", "v0.2", "v0.3")
_PATH = "$.instructions"


class NotLearnable(ValueError):
    """An instruction is none whose noise can be learned; the text says why."""


def places_of(
    instruction: CircuitInstruction, num_qubits: int, circuits: Iterable[QuantumCircuit] = ()
) -> tuple[int, ...]:
    """Return the device's qubits that an instruction acts on, in its own order.

    Args:
        instruction: Its qubits are those of a register ``q``, as transpiled circuits have it, or of one of the circuits.
        num_qubits: Of the device.
        circuits: Circuits without a layout, whose qubit k stands on qubit k of the device.

    Raises:
        NotLearnable: A qubit is none of these, or has different places in two circuits.
    """
    places = {qubit: {index} for index, qubit in enumerate(QuantumRegister(num_qubits, "q"))}
    if any(qubit not in places for qubit in instruction.qubits):
        places = {qubit: set() for qubit in instruction.qubits}
        for circuit in circuits:
            for index, qubit in enumerate(circuit.qubits):
                if qubit in places:
                    places[qubit].add(index)
    for qubit in instruction.qubits:
        if len(places[qubit]) > 1:
            raise NotLearnable(f"{qubit} is qubit {sorted(places[qubit])} of different circuits")
        if not places[qubit]:
            raise NotLearnable(
                f"its qubits must be those of QuantumRegister({num_qubits}, 'q'), as in a circuit transpiled for the "
                f"device, or of a circuit of this job, but {qubit} is not"
            )
    return tuple(next(iter(places[qubit])) for qubit in instruction.qubits)


def undressed(instruction: CircuitInstruction) -> QuantumCircuit:
    """Return what a twirled box holds besides the single-qubit gates that its twirl absorbs.

    Raises:
        NotLearnable: It is no box, is not twirled, or does not fit the qubits that it stands on.
    """
    if not isinstance(instruction.operation, BoxOp):
        raise NotLearnable(f"it is a {instruction.operation.name!r}, not a box")
    twirl = find_annotation(instruction.operation.annotations, "Twirl")
    if twirl is None:
        raise NotLearnable("its box has no Twirl annotation")
    body: QuantumCircuit = instruction.operation.body
    if body.num_qubits != len(instruction.qubits):
        raise NotLearnable(f"its box has {body.num_qubits} qubits, but stands on {len(instruction.qubits)}")
    steps = list(body.data)
    kept = _hard(steps) if str.__str__(twirl.dressing) == "left" else _hard(steps[::-1])[::-1]
    bare = body.copy_empty_like()
    for step in kept:
        bare.append(step)
    return bare


def _hard(steps: Sequence[CircuitInstruction]) -> list[CircuitInstruction]:
    """Return the steps without the single-qubit gates that come before everything else on their qubit."""
    seen: set[Qubit] = set()
    kept = []
    for step in steps:
        if step.is_standard_gate() and len(step.qubits) == 1 and step.qubits[0] not in seen:
            continue
        seen.update(step.qubits)
        kept.append(step)
    return kept


def protocol_of(instruction: CircuitInstruction) -> Literal["lindblad", "trex"]:
    """Return how the noise of a box is learned: gates by their decay, measurements by their misreadings.

    Raises:
        NotLearnable: It is no twirled box, or neither protocol can.
    """
    bare = undressed(instruction)
    steps = [step for step in bare.data if step.name != "barrier"]
    active = [qubit for step in steps for qubit in step.qubits]
    single = len(active) == len(set(active))
    if single and _is_clifford(instruction.operation.body if steps else bare):
        return "lindblad"
    if single and len(active) == len(instruction.qubits) and all(step.name == "measure" for step in steps):
        return "trex"
    raise NotLearnable(
        "no protocol learns its noise: besides what twirling absorbs, a box may hold one layer of Clifford gates on one "
        "or two qubits, or one measurement of each of its qubits"
    )


def _is_clifford(body: QuantumCircuit) -> bool:
    steps = [step for step in body.data if step.name != "barrier"]
    if not all(step.is_standard_gate() and len(step.qubits) <= 2 for step in steps):
        return False
    gates = QuantumCircuit(body.qubits)
    for step in steps:
        gates.append(step)
    try:
        Clifford(gates)
    except QiskitError:
        return False
    return True


def layer_errors(
    pairs: Iterable[tuple[Any, PauliLindbladMap]], num_qubits: int, circuits: Sequence[QuantumCircuit] = ()
) -> list[LayerError]:
    """Return the records of pairs of a box and its noise.

    Boxes are instructions of transpiled circuits, or of those of the job, in which they were found if they have no layout; qubit
    k of the channel is the box's k-th one in the order of the device. A box elsewhere is ``NotLearnable``.
    """
    return [
        _layer_error(instruction, noise, places_of(instruction, num_qubits, circuits))
        for instruction, noise in pairs
    ]


def _layer_error(instruction: Any, noise: PauliLindbladMap, where: Sequence[int]) -> LayerError:
    try:
        bare = undressed(instruction)
    except NotLearnable:  # without a twirl there is nothing that it absorbs
        bare = instruction.operation.body
    qubits = sorted(where)
    order = {qubit: index for index, qubit in enumerate(qubits)}
    place = {qubit: order[number] for qubit, number in zip(bare.qubits, where, strict=True)}
    layer = QuantumCircuit(len(qubits), bare.num_clbits)
    clbits = {bit: index for index, bit in enumerate(bare.clbits)}
    for step in bare.data:
        layer.append(
            step.operation, [place[bit] for bit in step.qubits], [clbits[bit] for bit in step.clbits]
        )
    if not len(noise):
        return LayerError(layer, qubits)
    generators = noise.get_qubit_sparse_pauli_list_copy().to_pauli_list()
    return LayerError(layer, qubits, PauliLindbladError(generators, noise.rates))


@dataclass(frozen=True)
class LearningRequest:
    """A job of a noise learner.

    Attributes:
        instructions: The boxes, on the qubits of the device.
        options: Those that came, which may be some of the schema's.
        version: The schema that it came in.
    """

    instructions: tuple[CircuitInstruction, ...]
    options: Mapping[str, Any]
    version: str


def is_request(params: Any) -> bool:
    """Tell whether the params of a ``noise-learner`` job are those of version 3."""
    return isinstance(params, Mapping) and (params.get("version") == 3 or "schema_version" in params)


def dump_request(instructions: Iterable[CircuitInstruction], options: Mapping[str, Any]) -> dict[str, Any]:
    """Write the params of a job. Inverse: ``load_request``.

    The boxes become together the circuit that is sent, whose qubits keep their names; the options are as the schema has them, all
    of them there (``NoiseLearnerV3Options.filled``).

    Raises:
        ValueError: QPY cannot carry one of the boxes.
    """
    instructions = tuple(instructions)
    circuit = QuantumCircuit(
        list(dict.fromkeys(qubit for entry in instructions for qubit in entry.qubits)),
        list(dict.fromkeys(clbit for entry in instructions for clbit in entry.clbits)),
    )
    for entry in instructions:
        circuit.append(entry)
    try:
        body = write_circuits([circuit], annotations=True)
    except Exception as cause:
        reason = str(getattr(cause, "message", cause))
        raise ValueError(f"QPY cannot carry one of the instructions: {reason}") from cause
    return {
        "schema_version": VERSIONS[-1],
        "instructions": {"circuit_b64": dump_base64(body), "qpy_version": VERSION},
        "options": dict(options),
        "version": 3,
    }


def load_request(
    params: Mapping[str, Any], *, annotations: type[AnnotationRecords] = AnnotationRecords
) -> LearningRequest:
    """Read the params of a job, of any schema version. Inverse of ``dump_request``."""
    version, holder = params.get("schema_version"), params.get("instructions")
    if version not in VERSIONS:
        raise DecodeError(f"must be one of {', '.join(VERSIONS)}", "$.schema_version")
    if not isinstance(holder, Mapping) or not isinstance(holder.get("circuit_b64"), str):
        raise DecodeError("expected an object with circuit_b64", _PATH)
    circuit = read_circuit(
        load_base64(holder["circuit_b64"], path=f"{_PATH}.circuit_b64"), annotations=annotations
    )
    options = params.get("options")
    if not isinstance({} if options is None else options, Mapping):
        raise DecodeError("expected an object", "$.options")
    return LearningRequest(tuple(circuit.data), options or {}, version)


def dump_layers(result: NoiseLearnerResult) -> dict[str, Any]:
    """Write a result: its elements typed, the object around them not. Inverse: ``load_layers``."""
    return {"data": [typed.dump(layer) for layer in result], "metadata": typed.dump(result.metadata)}


def is_layers(document: Any) -> bool:
    """Tell whether a decoded JSON body is such an answer; one without layers is told by what its metadata echo."""
    if not isinstance(document, dict) or set(document) != {"data", "metadata"}:
        return False
    data, metadata = document["data"], document["metadata"]
    if not isinstance(data, list):
        return False
    if not data:
        return isinstance(metadata, dict) and "input_options" in metadata
    return _is_record(data[0]) or _is_pair(data[0])


def load_layers(document: Any) -> NoiseLearnerResult:
    """Read an answer. Inverse of ``dump_layers``."""
    layers: list[LayerError] = []
    for index, entry in enumerate(document["data"]):
        value = typed.load(entry)
        try:
            layers.append(value if isinstance(value, LayerError) else _from_pair(value))
        except (TypeError, KeyError, IndexError, ValueError) as cause:
            raise DecodeError(f"not the error of a layer: {cause}", f"$.data[{index}]") from cause
    return NoiseLearnerResult(layers, typed.load(document["metadata"]))


def _is_record(entry: Any) -> bool:
    return isinstance(entry, dict) and entry.get("__class__") == "LayerError"


def _is_pair(entry: Any) -> bool:
    """Tell whether an element is of the older form: what was learned of, and what was learned."""
    return (
        isinstance(entry, list)
        and len(entry) == 2
        and all(isinstance(part, dict) for part in entry)
        and "circuit" in entry[0]
        and "generators" in entry[1]
    )


def _from_pair(entry: Any) -> LayerError:
    layer, error = entry
    return LayerError(
        layer["circuit"], layer["qubits"], PauliLindbladError(error["generators"], error["rates"])
    )
