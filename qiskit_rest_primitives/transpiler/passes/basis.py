"""Passes that bring circuits into the gates of such devices: waiting, rzz angles, measuring early."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

from qiskit.circuit import ControlFlowOp, Delay, Measure, ParameterExpression, Reset
from qiskit.circuit.library import IGate, RZZGate
from qiskit.converters import circuit_to_dag, dag_to_circuit
from qiskit.dagcircuit import DAGCircuit, DAGOpNode
from qiskit.transpiler import Target
from qiskit.transpiler.basepasses import TransformationPass
from qiskit.transpiler.passes.utils.remove_final_measurements import calc_final_ops

from ...wire.target import RZZ_ANGLES, fold_rzz


class ConvertIdToDelay(TransformationPass):
    """Replace identity gates by delays as long as another gate, for devices without an identity gate.

    Args:
        durations: The device's ``InstructionDurations``.
        gate: The gate whose duration on the same qubit counts.
    """

    def __init__(self, durations: Any, gate: str = "sx") -> None:
        super().__init__()
        self._durations = durations
        self._gate = gate

    def run(self, dag: DAGCircuit) -> DAGCircuit:
        """Replace them, also inside of control flow.

        Args:
            dag: On physical qubits.
        """

        def replace(block: DAGCircuit, node: DAGOpNode, physical: Sequence[int]) -> bool:
            if not isinstance(node.op, IGate):
                return False
            block.substitute_node(node, Delay(self._durations.get(self._gate, physical[0])))
            return True

        _change_all(dag, range(dag.num_qubits()), replace)
        return dag


class FoldRzzAngle(TransformationPass):
    """Bring the angles of rzz gates into the range that devices take, 0 to pi/2, by gates on single qubits.

    Angles that depend on parameters stay as they are.
    """

    def run(self, dag: DAGCircuit) -> DAGCircuit:
        """Fold them, also inside of control flow."""

        def fold(block: DAGCircuit, node: DAGOpNode, _physical: Sequence[int]) -> bool:
            if not isinstance(node.op, RZZGate) or not _outside(node.op.params[0]):
                return False
            block.substitute_node_with_dag(node, fold_rzz(node.op.params))
            return True

        _change_all(dag, range(dag.num_qubits()), fold)
        return dag


def _change_all(
    dag: DAGCircuit, physical: Sequence[int], change: Callable[[DAGCircuit, DAGOpNode, Sequence[int]], bool]
) -> bool:
    """Change what there is, also inside of control flow, and tell whether anything was changed.

    Args:
        dag: The whole circuit or a block of it.
        physical: The device's index of each of its qubits.
        change: Changes a node in place if it has to, and tells whether; it is given the block, the node, and its qubits.
    """
    place = dict(zip(dag.qubits, physical, strict=True))
    changed = False
    for node in dag.op_nodes():
        where = [place[qubit] for qubit in node.qargs]
        if isinstance(node.op, ControlFlowOp):
            blocks = [circuit_to_dag(block) for block in node.op.blocks]
            inner = [_change_all(block, where, change) for block in blocks]
            if any(inner):
                dag.substitute_node(node, node.op.replace_blocks(map(dag_to_circuit, blocks)))
                changed = True
        else:
            changed |= change(dag, node, where)
    return changed


def _outside(angle: Any) -> bool:
    low, high = RZZ_ANGLES
    return not isinstance(angle, ParameterExpression) and not low <= angle <= high


class ConvertToMidCircuitResetAndMeasure(TransformationPass):
    """Replace measurements and resets that something follows by the device's own for the middle of a circuit.

    Those inside of control flow stay as they are, and so do those on qubits where the device has no other.

    Args:
        target: The device's.
        mcm_name: Name of the measurement; ``measure`` to leave measurements alone.
        mcr_name: Name of the reset; ``reset`` to leave resets alone.

    Raises:
        ValueError: A name starts with another word than ``measure`` or ``reset``, or is none of the target's.
    """

    def __init__(self, target: Target, mcm_name: str = "measure_2", mcr_name: str = "reset_2") -> None:
        super().__init__()
        self._target = target
        self._names = ((Measure, "measure", mcm_name), (Reset, "reset", mcr_name))
        for _, usual, name in self._names:
            if not name.startswith(usual):
                raise ValueError(f"The name must start with {usual!r}, but is {name!r}.")
            if name != usual and name not in target.operation_names:
                raise ValueError(
                    f"The target has no {name!r}; it has {', '.join(sorted(target.operation_names))}."
                )

    def run(self, dag: DAGCircuit) -> DAGCircuit:
        """Replace them.

        Args:
            dag: On physical qubits.
        """
        for kind, usual, name in self._names:
            if name == usual:
                continue
            last = set(calc_final_ops(dag, {usual}))
            for node in dag.op_nodes(kind):
                if node in last:
                    continue
                where = tuple(dag.find_bit(qubit).index for qubit in node.qargs)
                if self._target.instruction_supported(name, where):
                    dag.substitute_node(node, self._target.operation_from_name(name))
                else:
                    warnings.warn(f"The target has no {name!r} on qubits {where}.", stacklevel=2)
        return dag


class ConvertToMidCircuitMeasure(ConvertToMidCircuitResetAndMeasure):
    """The same for measurements only.

    Args:
        target: The device's.
        mcm_name: Name of the measurement.

    Raises:
        ValueError: The name starts with another word than ``measure``, or is none of the target's.
    """

    def __init__(self, target: Target, mcm_name: str = "measure_2") -> None:
        super().__init__(target, mcm_name, "reset")
