"""The translation stage of Qiskit's transpiler for backends of a service, found by its entry point.

What lives here: the stage, and the one pass in which it differs from Qiskit's own. What does not: which backend asks
for it (``backend``).
"""

from __future__ import annotations

from typing import Any

from qiskit.circuit import ControlFlowOp, Delay
from qiskit.circuit.library import IGate
from qiskit.converters import circuit_to_dag, dag_to_circuit
from qiskit.dagcircuit import DAGCircuit
from qiskit.transpiler import PassManager, PassManagerConfig
from qiskit.transpiler.basepasses import TransformationPass
from qiskit.transpiler.preset_passmanagers.common import generate_translation_passmanager
from qiskit.transpiler.preset_passmanagers.plugin import PassManagerStagePlugin

__all__ = ["IdleForIdentity", "TranslationStage"]


class IdleForIdentity(TransformationPass):
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
        self._replace(dag, list(range(dag.num_qubits())))
        return dag

    def _replace(self, dag: DAGCircuit, physical: list[int]) -> bool:
        """Replace them in place, and tell whether there were any.

        Args:
            dag: The whole circuit or a block of it.
            physical: The device's index of each of its qubits.
        """
        place = dict(zip(dag.qubits, physical, strict=True))
        replaced = False
        for node in dag.op_nodes():
            if isinstance(node.op, ControlFlowOp):
                inside = [place[qubit] for qubit in node.qargs]
                blocks = [circuit_to_dag(block) for block in node.op.blocks]
                inner = [self._replace(block, inside) for block in blocks]
                if any(inner):
                    dag.substitute_node(node, node.op.replace_blocks(map(dag_to_circuit, blocks)))
                    replaced = True
            elif isinstance(node.op, IGate):
                dt = self._durations.get(self._gate, place[node.qargs[0]])
                dag.substitute_node(node, Delay(dt))
                replaced = True
        return replaced


class TranslationStage(PassManagerStagePlugin):
    """Qiskit's translation, after which identity gates still take their time where the device has none."""

    def pass_manager(
        self, pass_manager_config: PassManagerConfig, optimization_level: int | None = None
    ) -> PassManager:
        """Return the passes of the stage.

        Args:
            pass_manager_config: What is transpiled for.
            optimization_level: Has no influence.
        """
        del optimization_level
        given = pass_manager_config
        translate = generate_translation_passmanager(
            target=given.target,
            basis_gates=given.basis_gates,
            approximation_degree=given.approximation_degree,
            coupling_map=given.coupling_map,
            unitary_synthesis_method=given.unitary_synthesis_method,
            unitary_synthesis_plugin_config=given.unitary_synthesis_plugin_config,
            hls_config=given.hls_config,
        )
        gates = given.basis_gates if given.target is None else given.target
        if not given.instruction_durations or "id" in (gates or ()):
            return translate
        return PassManager([IdleForIdentity(given.instruction_durations)]) + translate
