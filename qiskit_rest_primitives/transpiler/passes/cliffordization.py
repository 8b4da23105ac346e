"""The pass that makes Clifford circuits of a device's circuits, by rounding angles."""

from __future__ import annotations

import math
import random

from qiskit.circuit import Barrier, Measure, ParameterExpression
from qiskit.circuit.library import CXGate, CZGate, ECRGate, IGate, RXGate, RZGate, RZZGate, SXGate, XGate
from qiskit.dagcircuit import DAGCircuit
from qiskit.transpiler.basepasses import TransformationPass

_ROTATIONS = (RXGate, RZGate, RZZGate)
_CLIFFORD = (Barrier, CXGate, CZGate, ECRGate, IGate, Measure, SXGate, XGate)


class ConvertISAToClifford(TransformationPass):
    """Round the angles of rx, rz and rzz gates to multiples of pi/2, so that the circuit is a Clifford circuit.

    Angles that depend on parameters become random multiples of pi/2.
    """

    def run(self, dag: DAGCircuit) -> DAGCircuit:
        """Round them.

        Args:
            dag: Of rx, rz, rzz and Clifford gates that devices have, barriers and measurements.

        Raises:
            ValueError: There is another instruction; the message names it.
        """
        for node in dag.op_nodes():
            operation = node.op
            if isinstance(operation, _ROTATIONS):
                angle = operation.params[0]
                fixed = not isinstance(angle, ParameterExpression)
                # No secret depends on it.
                turns = math.floor(2 * angle / math.pi + 0.5) if fixed else random.randrange(4)  # noqa: S311
                dag.substitute_node(node, operation.base_class(turns * math.pi / 2))
            elif not isinstance(operation, _CLIFFORD):
                raise ValueError(
                    f"Instruction {operation.name!r} is none that this pass knows: transpile the circuit for the "
                    "device first; control flow cannot be converted."
                )
        return dag
