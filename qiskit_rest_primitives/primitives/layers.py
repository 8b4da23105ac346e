"""The layers of circuits that twirling and mitigation treat as one: what a noise learner is given."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from qiskit.circuit import Annotation, BoxOp, CircuitInstruction, ClassicalRegister, QuantumCircuit, Qubit
from qiskit.circuit.exceptions import CircuitError
from qiskit.dagcircuit import DAGCircuit, DAGOpNode
from qiskit.transpiler import PassManager
from qiskit.transpiler.basepasses import TransformationPass

from ..exceptions import IBMInputValueError
from ..options.primitives import EstimatorOptions, SamplerOptions

_REGISTER = "_meas"


def unique_layers(
    circuits: Iterable[QuantumCircuit],
    options: SamplerOptions | EstimatorOptions,
    types: Literal["gates", "all"],
) -> list[CircuitInstruction]:
    """Return one box for each distinct layer of the circuits, which are ISA circuits.

    Args:
        circuits: Final measurements are replaced by measurements of all qubits.
        options: Their switches are decided (``final_estimator_options``).
        types: "gates" for layers of gates only, "all" for those of measurements too.

    Raises:
        ImportError: samplomatic is not installed.
        IBMInputValueError: A circuit has a register of the name ``_meas``, or ``types`` is something else.
    """
    if types not in ("gates", "all"):
        raise IBMInputValueError(f"types must be 'gates' or 'all', not {types!r}.")
    try:
        from samplomatic.transpiler import generate_boxing_pass_manager
        from samplomatic.utils import find_unique_box_instructions
    except ImportError as cause:
        raise ImportError(
            "Finding layers needs samplomatic: pip install 'qiskit-rest-primitives[executor]'."
        ) from cause
    passes = generate_boxing_pass_manager(**boxing_options(options), add_tags="unique_box")
    boxed = [passes.run(_measured(circuit)) for circuit in circuits]
    found = find_unique_box_instructions(
        (step for circuit in boxed for step in circuit), normalize_annotations=None, undress_boxes=True
    )
    return [layer for layer in found if types == "all" or _has_gates_only(layer)]


def boxing_options(options: SamplerOptions | EstimatorOptions) -> dict[str, Any]:
    """Return how samplomatic boxes circuits: which gates and measurements, and where noise can be injected.

    The switches of the options are decided (``final_estimator_options``).
    """
    twirling = options.twirling
    resilience = options.resilience if isinstance(options, EstimatorOptions) else None
    injected = resilience is not None and bool(
        resilience.pec_mitigation or (resilience.zne_mitigation and resilience.zne.amplifier == "pea")
    )
    measured = twirling.enable_measure or (resilience is not None and resilience.measure_mitigation)
    return {
        "enable_gates": bool(twirling.enable_gates or injected),
        "enable_measures": True,
        "measure_annotations": "all" if measured else "change_basis",
        "twirling_strategy": str(twirling.strategy or "active-accum").replace("-", "_"),
        "twirling_group": twirling.group or "pauli",
        "inject_noise_targets": "gates" if injected else "none",
        "inject_noise_strategy": "uniform_modification" if injected else "no_modification",
    }


def boxing_passes(options: Mapping[str, Any]) -> PassManager:
    """Return samplomatic's passes for boxes, with barriers kept: who waits for whom is what the circuit says.

    Gates on single qubits become part of the boxes behind them only where gates are twirled, which is made of such gates
    anyway; otherwise the circuit stays as it is written, with its durations and its noise.
    """
    from samplomatic import Twirl
    from samplomatic.transpiler import generate_boxing_pass_manager
    from samplomatic.transpiler.passes import AbsorbSingleQubitGates, AddTerminalRightDressedBoxes

    twirled = options["enable_gates"]
    passes: list[Any] = []
    for each in generate_boxing_pass_manager(**options, remove_barriers="never").to_flow_controller().tasks:
        if twirled and isinstance(each, AddTerminalRightDressedBoxes):
            passes.append(_BetweenBarriers([Twirl(dressing="right", group=each.group)]))
        if twirled or not isinstance(each, AbsorbSingleQubitGates):
            passes.append(each)
    return PassManager(passes)


class _BetweenBarriers(TransformationPass):
    """Let boxes take gates on single qubits that a barrier or a delay keeps from the box behind.

    Those in front of a barrier that a box follows at once move into that; after boxes, others get one of their own, since what
    twirls cannot pass them. That has the annotations of boxes that end twirling.
    """

    def __init__(self, ending: Sequence[Annotation]) -> None:
        super().__init__()
        self._ending = ending

    def run(self, dag: DAGCircuit) -> DAGCircuit:
        """Return a circuit that means the same."""
        nodes = list(dag.topological_op_nodes())
        through = _followed_by_boxes(nodes)
        made, held = dag.copy_empty_like(), defaultdict[Qubit, list[DAGOpNode]](list)
        twirled = set[Qubit]()
        for node in nodes:
            if _is_single(node):
                held[node.qargs[0]].append(node)
                continue
            for qubit in set(node.qargs) - through.get(id(node), set()):
                chain = held.pop(qubit, [])
                for each in chain:
                    made.apply_operation_back(each.op, each.qargs)
                if chain and qubit in twirled and node.op.name in ("barrier", "delay"):
                    made.apply_operation_back(BoxOp(QuantumCircuit(1), annotations=self._ending), [qubit])
            if node.op.name == "box":
                twirled.update(node.qargs)
            made.apply_operation_back(node.op, node.qargs, node.cargs)
        for chain in held.values():
            for each in chain:
                made.apply_operation_back(each.op, each.qargs)
        return made


def _followed_by_boxes(nodes: Iterable[DAGOpNode]) -> dict[int, set[Qubit]]:
    """Return for barriers the qubits of the boxes that wait for nothing else, single-qubit gates aside."""
    before: dict[Qubit, DAGOpNode] = {}
    found = defaultdict[int, set[Qubit]](set)
    for node in nodes:
        if _is_single(node):
            continue
        last = {id(each): each for each in map(before.get, node.qargs)}
        (key, each), *others = last.items() if last else ((0, None),)
        if node.op.name == "box" and not others and each is not None and each.op.name == "barrier":
            found[key].update(node.qargs)
        before.update(dict.fromkeys(node.qargs, node))
    return found


def _is_single(node: DAGOpNode) -> bool:
    return node.is_standard_gate() and len(node.qargs) == 1


def _measured(circuit: QuantumCircuit) -> QuantumCircuit:
    """Return a copy whose last layer measures every qubit."""
    copy = circuit.copy()
    # Layers need none, and Qiskit 2.3 warns of registers that are added to a circuit with one.
    copy._layout = None
    copy.remove_final_measurements()
    register = ClassicalRegister(copy.num_qubits, _REGISTER)
    try:
        copy.add_register(register)
    except CircuitError as cause:
        raise IBMInputValueError(
            f"Circuit {circuit.name!r} has a register {_REGISTER!r}, a name that is taken."
        ) from cause
    copy.barrier()
    copy.measure(copy.qubits, register)
    return copy


def _has_gates_only(layer: CircuitInstruction) -> bool:
    steps = [step for step in layer.operation.body.data if step.name != "barrier"]
    return all(step.is_standard_gate() for step in steps)
