"""Configuration and properties documents <-> Qiskit ``Target`` (rest-api.md 3.2, 3.3, 3.6, 3.7).

Keys that this module does not read stay in the caller's documents. The opposite direction, Qiskit backend -> documents, is ``wire/calibration.py``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from qiskit.circuit import Gate, Instruction, Parameter, Qubit
from qiskit.circuit.controlflow import ForLoopOp, IfElseOp, SwitchCaseOp, WhileLoopOp
from qiskit.circuit.library.standard_gates import get_standard_gate_name_mapping
from qiskit.dagcircuit import DAGCircuit
from qiskit.transpiler import InstructionProperties, QubitProperties, Target
from qiskit.transpiler.passes.utils.wrap_angles import WrapAngles

RZZ_ANGLES = (0.0, math.pi / 2)
"""The angles of a native rzz, in rad, both ends allowed (rest-api.md 3.6, 8.2)."""

CONTROL_FLOW: dict[str, type[Instruction]] = {
    "if_else": IfElseOp,
    "while_loop": WhileLoopOp,
    "for_loop": ForLoopOp,
    "switch_case": SwitchCaseOp,
}
NON_UNITARY = ("measure", "delay", "reset")
_STANDARD = get_standard_gate_name_mapping()
_SCALES = {"kHz": 1e3, "MHz": 1e6, "GHz": 1e9}
_DIVISORS = {"ms": 1e3, "us": 1e6, "µs": 1e6, "ns": 1e9, "ps": 1e12}
"""Dividing by a whole number rounds once; 84 * 1e-9 is not the number that 84e-9 is."""

MOST_QUBITS = 100_000
"""A configuration that claims more is damaged, and its target would not fit into memory."""

Qargs = tuple[int, ...]


def is_fractional(name: str) -> bool:
    """Tell whether a standard gate takes a continuous angle on the device, as rx and rzz do (rest-api.md 3.7)."""
    gate = _STANDARD.get(name)
    return gate is not None and bool(gate.params) and name not in ("rz", "p", "u1", "delay")


def strip_fractional(configuration: Mapping[str, Any]) -> dict[str, Any]:
    """Return the configuration without its fractional gates; the original is left as it is (rest-api.md 3.7)."""
    stripped = dict(configuration)
    for key in ("basis_gates", "supported_instructions"):
        if configuration.get(key) is not None:
            stripped[key] = [name for name in configuration[key] if not is_fractional(name)]
    stripped["gates"] = [gate for gate in configuration.get("gates", []) if not is_fractional(gate["name"])]
    return stripped


def seconds(value: float, unit: str) -> float:
    """Convert a calibration value to the base unit (s or Hz) of its ``unit`` field; unknown units are kept."""
    return value / _DIVISORS[unit] if unit in _DIVISORS else value * _SCALES.get(unit, 1.0)


def load_target(
    configuration: Mapping[str, Any],
    properties: Mapping[str, Any] | None,
    *,
    use_fractional_gates: bool | None = False,
) -> Target:
    """Build the Target that the two documents of a backend describe.

    Args:
        configuration: The document of ``GET /backends/{name}/configuration``; ``dt`` in ns.
        properties: The document of ``GET /backends/{name}/properties``; None or empty when the backend has none.
        use_fractional_gates: False removes rx, rzz and their like; True and None keep them.

    Returns:
        A Target with durations in seconds, frequencies in Hz, and rzz bound to [0, pi/2].

    Raises:
        ValueError: A document lacks what a Target cannot do without.

    Inverse: ``calibration.dump_configuration`` and ``calibration.dump_properties``.
    Source: rest-api.md 3.6, 3.7.
    """
    if use_fractional_gates is False:
        configuration = strip_fractional(configuration)
    num_qubits = configuration.get("n_qubits")
    if not isinstance(num_qubits, int) or isinstance(num_qubits, bool):
        raise ValueError("the backend configuration has no n_qubits")
    if not 0 <= num_qubits <= MOST_QUBITS:
        raise ValueError(f"the backend configuration claims {num_qubits:.3g} qubits")
    calibration = _Calibration(properties or {}, num_qubits)
    target = Target(**_target_keywords(configuration, calibration, num_qubits))
    couplings = _couplings(configuration)
    for name, operation in _operations(configuration, couplings).items():
        qargs = _qargs_of(name, couplings, calibration, num_qubits)
        if name == "rzz":
            WrapAngles.DEFAULT_REGISTRY.add_wrapper("rzz", fold_rzz)  # how Qiskit's pass brings angles there
            target.add_instruction(operation, qargs, name=name, angle_bounds=[RZZ_ANGLES])
        else:
            target.add_instruction(operation, qargs, name=name)
    for name in configuration.get("supported_instructions") or ():
        if name in CONTROL_FLOW:
            target.add_instruction(CONTROL_FLOW[name], name=name)
    return target


class _Calibration:
    """What the properties document says, by qubit and by gate, in base units."""

    def __init__(self, properties: Mapping[str, Any], num_qubits: int) -> None:
        self.qubits = [_values(entries) for entries in properties.get("qubits", [])]
        self.present = bool(self.qubits)
        self.faulty = {index for index, values in enumerate(self.qubits) if values.get("operational") == 0}
        self.gates: dict[str, dict[Qargs, dict[str, float]]] = {}
        for gate in properties.get("gates", []):
            self.gates.setdefault(gate["gate"], {})[tuple(gate["qubits"])] = _values(gate["parameters"])
        if self.present and len(self.qubits) != num_qubits:
            raise ValueError(
                f"the backend has {num_qubits} qubits, but its properties describe {len(self.qubits)}"
            )

    def excludes(self, name: str, qargs: Qargs) -> bool:
        """Tell whether the gate on these qubits, or one of the qubits, is flagged as not operational."""
        if not self.faulty.isdisjoint(qargs):
            return True
        return self.gates.get(name, {}).get(qargs, {}).get("operational") == 0

    def instruction(self, name: str, qargs: Qargs) -> InstructionProperties | None:
        """Return error and duration of a gate, or of the readout for ``measure``."""
        if name == "measure":
            if not self.present:
                return None
            values = self.qubits[qargs[0]]
            return InstructionProperties(values.get("readout_length"), values.get("readout_error"))
        found = self.gates.get(name, {}).get(qargs)
        if found is None:
            return None
        return InstructionProperties(found.get("gate_length"), found.get("gate_error"))


def _values(entries: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    return {entry["name"]: seconds(entry["value"], entry.get("unit") or "") for entry in entries}


def _target_keywords(
    configuration: Mapping[str, Any], calibration: _Calibration, num_qubits: int
) -> dict[str, Any]:
    keywords: dict[str, Any] = {"num_qubits": num_qubits}
    if configuration.get("dt") is not None:
        keywords["dt"] = configuration["dt"] * 1e-9
    constraints = configuration.get("timing_constraints") or {}
    for key in ("granularity", "min_length", "pulse_alignment", "acquire_alignment"):
        if key in constraints:
            keywords[key] = constraints[key]
    if calibration.present:
        keywords["qubit_properties"] = [
            QubitProperties(t1=values.get("T1"), t2=values.get("T2"), frequency=values.get("frequency"))
            for values in calibration.qubits
        ]
    return keywords


def _couplings(configuration: Mapping[str, Any]) -> dict[str, list[Qargs]]:
    """Return the qubit tuples of each described gate; gates without a coupling map are absent."""
    return {
        gate["name"]: [tuple(pair) for pair in gate["coupling_map"]]
        for gate in configuration.get("gates", [])
        if gate.get("coupling_map")
    }


def _operations(
    configuration: Mapping[str, Any], couplings: Mapping[str, list[Qargs]]
) -> dict[str, Instruction]:
    """Return the operation of each name, in the order of the document; names nothing describes are left out."""
    described = {gate["name"]: gate for gate in configuration.get("gates", [])}
    supported = configuration.get("supported_instructions")
    names = [
        *configuration.get("basis_gates", []),
        *(name for name in NON_UNITARY if supported is None or name in supported),
    ]
    operations: dict[str, Instruction] = {}
    for name in names:
        if name in _STANDARD:
            operations[name] = _STANDARD[name]
        elif name in couplings:
            parameters = [Parameter(text) for text in described[name].get("parameters") or ()]
            operations[name] = Gate(name, len(couplings[name][0]), parameters)
    for signature in configuration.get("instruction_signatures") or ():
        name = signature["name"]
        parameters = [Parameter(text) for text in signature.get("parameters") or ()]
        operations[name] = Instruction(name, signature["num_qubits"], signature["num_clbits"], parameters)
    return operations


def _qargs_of(
    name: str, couplings: Mapping[str, Sequence[Qargs]], calibration: _Calibration, num_qubits: int
) -> dict[Qargs, InstructionProperties | None] | None:
    """Return where an instruction may stand, with its calibration; None means anywhere."""
    if name == "measure" and calibration.present:
        qargs: Iterable[Qargs] = [(qubit,) for qubit in range(num_qubits)]
    else:
        qargs = dict.fromkeys([*couplings.get(name, ()), *calibration.gates.get(name, ())])
        if not qargs and name in NON_UNITARY:
            qargs = [(qubit,) for qubit in range(num_qubits)]
    if not qargs:
        return None
    return {
        where: calibration.instruction(name, where)
        for where in qargs
        if not calibration.excludes(name, where)
    }


def fold_rzz(angles: Sequence[float], _qubits: Sequence[int] = ()) -> DAGCircuit:
    """Return an equal circuit whose rzz angle, in rad, lies in [0, pi/2]; Qiskit's pass gives the qubits, too.

    rzz(t + pi) equals rz(pi) on both qubits times rzz(t), and an x on one side flips the sign of t.
    """
    angle = float(angles[0])
    half_turns = math.floor(angle / math.pi + 0.5)
    rest = angle - half_turns * math.pi
    dag = DAGCircuit()
    qubits = [Qubit(), Qubit()]
    dag.add_qubits(qubits)
    if not math.isclose(rest, 0, abs_tol=1e-8):
        flips = [_STANDARD["x"]] if rest < 0 else []
        for gate in (*flips, _STANDARD["rzz"].base_class(abs(rest)), *flips):
            dag.apply_operation_back(gate, qubits[: gate.num_qubits])
    if half_turns % 2:
        for qubit in qubits:
            dag.apply_operation_back(_STANDARD["rz"].base_class(math.pi), [qubit])
    # rzz(pi) = exp(-i pi/2 ZZ) and rz(pi) x rz(pi) = exp(-i pi/2 (ZI + IZ)) differ by a factor of i.
    dag.global_phase += half_turns * -math.pi / 2 + (math.pi if half_turns % 2 else 0.0)
    return dag
