"""What the circuit tests share: an exact simulator, and a maker of nasty circuits.

The simulator knows nothing of the codec: it runs Qiskit circuits as they are, control flow included, on
density matrices, one per setting of the classical bits. No sampling, no tolerance beyond rounding.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit, __version__
from qiskit.circuit import (
    CASE_DEFAULT,
    AncillaRegister,
    ClassicalRegister,
    Clbit,
    ForLoopOp,
    Gate,
    IfElseOp,
    Measure,
    Parameter,
    ParameterExpression,
    ParameterVector,
    ParameterVectorElement,
    QuantumRegister,
    Qubit,
    Reset,
    SwitchCaseOp,
    WhileLoopOp,
)
from qiskit.circuit.classical import expr, types
from qiskit.circuit.library import (
    CXGate,
    MCPhaseGate,
    MCXGate,
    PauliEvolutionGate,
    PauliGate,
    UnitaryGate,
    get_standard_gate_name_mapping,
)
from qiskit.primitives.containers.bindings_array import BindingsArray
from qiskit.quantum_info import (
    Clifford,
    Operator,
    SparsePauliOp,
    Statevector,
    random_clifford,
    random_unitary,
)

from qiskit_rest_primitives.qasm.codec import EncodedCircuit, dump_circuit, load_circuit

# ----------------------------------------------------------------------------------- exact simulation

State = dict[int, np.ndarray]  # classical bits as one integer -> unnormalised density matrix
SMALLEST = 1e-13


class Endless(Exception):
    """A loop does not come to an end; the circuit is no test case."""


class Exact:
    """Runs one circuit exactly; at most about five qubits.

    Values are put in angle by angle: ``QuantumCircuit.assign_parameters`` of Qiskit 2.6 changes, in copies and
    originals alike, instructions with definitions that stand in control-flow blocks.
    """

    def __init__(self, circuit: QuantumCircuit, values: dict | None = None) -> None:
        self.values = dict(values or {})
        self.n = circuit.num_qubits
        self.rounds = 0
        self.qubits = {qubit: index for index, qubit in enumerate(circuit.qubits)}
        self.clbits = {bit: index for index, bit in enumerate(circuit.clbits)}
        start = np.zeros((2**self.n, 2**self.n), dtype=complex)
        start[0, 0] = 1
        self.final, left, again = self.run(circuit, {0: start}, self.qubits, self.clbits)
        assert not left
        assert not again

    def run(
        self, circuit: QuantumCircuit, state: State, qubits: dict, clbits: dict
    ) -> tuple[State, State, State]:
        left: State = {}
        again: State = {}
        for step in circuit.data:
            if not state:
                break
            operation = step.operation
            where = [qubits[qubit] for qubit in step.qubits]
            bits = [clbits[bit] for bit in step.clbits]
            name = operation.name
            if name in ("barrier", "delay", "id", "global_phase"):
                continue
            if name == "break_loop":
                merge(left, state)
                state = {}
            elif name == "continue_loop":
                merge(again, state)
                state = {}
            elif isinstance(operation, Measure):
                state = self.measure(state, where[0], bits[0])
            elif isinstance(operation, Reset):
                state = self.reset(state, where[0])
            elif step.is_control_flow():
                state, out, repeat = self.control(operation, state, where, bits, clbits)
                merge(left, out)
                merge(again, repeat)
            else:
                state = self.gate(operation, state, where, bits)
        return state, left, again

    def block(
        self, block: QuantumCircuit, state: State, where: list, bits: list
    ) -> tuple[State, State, State]:
        qubits = dict(zip(block.qubits, where, strict=True))
        return self.run(block, state, qubits, dict(zip(block.clbits, bits, strict=True)))

    def gate(self, operation: Any, state: State, where: list, bits: list) -> State:
        free = any(isinstance(value, ParameterExpression) for value in getattr(operation, "params", ()))
        standard = GATES.get(operation.name)
        if isinstance(operation, Clifford):
            matrix = operation.to_matrix()
        elif isinstance(operation, Gate) and standard and operation.base_class is standard.base_class:
            if free:
                operation = operation.base_class(*map(self.number, operation.params))
            matrix = operation.to_matrix()
        elif isinstance(operation, Gate) and not free:
            matrix = Operator(operation).data
        else:
            return self.block(operation.definition, state, where, bits)[0]
        return {key: self.conjugate(matrix, rho, where) for key, rho in state.items()}

    def number(self, value: Any) -> float:
        if isinstance(value, ParameterExpression):
            return float(value.bind({entry: self.values[entry] for entry in value.parameters}))
        return float(value)

    def conjugate(self, matrix: np.ndarray, rho: np.ndarray, where: list[int]) -> np.ndarray:
        half = self.half(matrix, rho, where)
        return self.half(matrix, half.conj().T, where).conj().T

    def half(self, matrix: np.ndarray, rho: np.ndarray, where: list[int]) -> np.ndarray:
        if not where:
            return matrix[0, 0] * rho
        k, n = len(where), self.n
        tensor = rho.reshape([2] * n + [2**n])
        axes = [n - 1 - qubit for qubit in reversed(where)]
        moved = np.moveaxis(tensor, axes, range(k)).reshape(2**k, -1)
        result = (matrix @ moved).reshape([2] * n + [2**n])
        return np.moveaxis(result, range(k), axes).reshape(2**n, 2**n)

    def projected(self, rho: np.ndarray, qubit: int, outcome: int) -> np.ndarray:
        mask = (np.arange(2**self.n) >> qubit & 1) == outcome
        return rho * np.outer(mask, mask)

    def measure(self, state: State, qubit: int, bit: int) -> State:
        result: State = {}
        for key, rho in state.items():
            for outcome in (0, 1):
                merge(result, {key & ~(1 << bit) | outcome << bit: self.projected(rho, qubit, outcome)})
        return result

    def reset(self, state: State, qubit: int) -> State:
        x = np.array([[0, 1], [1, 0]])
        result: State = {}
        for key, rho in state.items():
            merge(result, {key: self.projected(rho, qubit, 0)})
            merge(result, {key: self.conjugate(x, self.projected(rho, qubit, 1), [qubit])})
        return result

    def control(
        self, operation: Any, state: State, where: list, bits: list, clbits: dict
    ) -> tuple[State, State, State]:
        if isinstance(operation, IfElseOp):
            yes, no = split(state, lambda key: holds(operation.condition, key, clbits))
            parts = [self.block(operation.blocks[0], yes, where, bits)]
            parts.append(
                self.block(operation.blocks[1], no, where, bits)
                if len(operation.blocks) > 1
                else (no, {}, {})
            )
            return joined(parts)
        if isinstance(operation, SwitchCaseOp):
            return joined(self.switch(operation, state, where, bits, clbits))
        if isinstance(operation, ForLoopOp):
            return self.loop_over(operation, state, where, bits), {}, {}
        if isinstance(operation, WhileLoopOp):
            return self.loop_while(operation, state, where, bits, clbits), {}, {}
        return self.block(operation.blocks[0], state, where, bits)

    def switch(self, operation: Any, state: State, where: list, bits: list, clbits: dict) -> list:
        cases = [(label, block) for labels, block in operation.cases_specifier() for label in labels]
        parts = []
        rest = state
        for label, block in cases:
            if label is CASE_DEFAULT:
                continue
            chosen, rest = split(
                rest, lambda key, label=label: value_of(operation.target, key, clbits) == int(label)
            )
            parts.append(self.block(block, chosen, where, bits))
        default = [block for label, block in cases if label is CASE_DEFAULT]
        parts.append(self.block(default[0], rest, where, bits) if default else (rest, {}, {}))
        return parts

    def loop_over(self, operation: Any, state: State, where: list, bits: list) -> State:
        indices, variable, body = operation.params
        done: State = {}
        outside = self.values.get(variable)
        for index in indices:
            if variable is not None:
                self.values[variable] = index
            state, left, again = self.block(body, state, where, bits)
            merge(done, left)
            merge(state, again)
        merge(done, state)
        self.values[variable] = outside
        return done

    def loop_while(self, operation: Any, state: State, where: list, bits: list, clbits: dict) -> State:
        weights: list[float] = []
        done: State = {}
        while True:
            state, no = split(state, lambda key: holds(operation.condition, key, clbits))
            merge(done, no)
            weight = sum(abs(np.trace(rho)) for rho in state.values())
            if weight < SMALLEST:
                return done
            self.rounds += 1
            weights.append(weight)
            if self.rounds > 4000 or (len(weights) > 30 and weight > 0.99 * weights[-30]):
                raise Endless
            state, left, again = self.block(operation.blocks[0], state, where, bits)
            merge(done, left)
            merge(state, again)


def merge(into: State, more: State) -> None:
    for key, rho in more.items():
        if abs(np.trace(rho)) > SMALLEST * 1e-3:
            into[key] = into[key] + rho if key in into else rho


def split(state: State, test: Callable[[int], bool]) -> tuple[State, State]:
    yes = {key: rho for key, rho in state.items() if test(key)}
    return yes, {key: rho for key, rho in state.items() if key not in yes}


def joined(parts: list) -> tuple[State, State, State]:
    result: tuple[State, State, State] = ({}, {}, {})
    for part in parts:
        for into, more in zip(result, part, strict=True):
            merge(into, more)
    return result


def holds(condition: Any, key: int, clbits: dict) -> bool:
    if isinstance(condition, expr.Expr):
        return bool(value_of(condition, key, clbits))
    target, value = condition
    return value_of(target, key, clbits) == int(value)


def value_of(target: Any, key: int, clbits: dict) -> int:
    if isinstance(target, Clbit):
        return key >> clbits[target] & 1
    if isinstance(target, ClassicalRegister):
        return int("0" + "".join(str(key >> clbits[bit] & 1) for bit in reversed(list(target))), 2)
    if isinstance(target, expr.Var):
        return value_of(target.var, key, clbits)
    if isinstance(target, expr.Value):
        return int(target.value)
    if isinstance(target, expr.Cast):
        inner = value_of(target.operand, key, clbits)
        return int(inner != 0) if isinstance(target.type, types.Bool) else inner & (2**target.type.width - 1)
    width = 1 if isinstance(target.type, types.Bool) else target.type.width
    if isinstance(target, expr.Index):
        return value_of(target.target, key, clbits) >> value_of(target.index, key, clbits) & 1
    if isinstance(target, expr.Unary):
        inner = value_of(target.operand, key, clbits)
        return {"LOGIC_NOT": 1 - inner, "BIT_NOT": 2**width - 1 - inner}[target.op.name]
    a, b = value_of(target.left, key, clbits), value_of(target.right, key, clbits)
    return {
        "BIT_AND": a & b,
        "BIT_OR": a | b,
        "BIT_XOR": a ^ b,
        "LOGIC_AND": a & b,
        "LOGIC_OR": a | b,
        "EQUAL": int(a == b),
        "NOT_EQUAL": int(a != b),
        "LESS": int(a < b),
        "LESS_EQUAL": int(a <= b),
        "GREATER": int(a > b),
        "GREATER_EQUAL": int(a >= b),
        "SHIFT_LEFT": (a << b) % 2**width,
        "SHIFT_RIGHT": a >> b,
        "ADD": (a + b) % 2**width,
        "SUB": (a - b) % 2**width,
        "MUL": (a * b) % 2**width,
    }[target.op.name]


def by_registers(state: State, layout: list[tuple[str, list[int]]]) -> dict[tuple, np.ndarray]:
    """Sum over everything but the registers: {((name, value), ...): density matrix}."""
    result: dict[tuple, np.ndarray] = {}
    for key, rho in state.items():
        name = tuple((name, tuple(key >> place & 1 for place in places)) for name, places in layout)
        result[name] = result[name] + rho if name in result else rho
    return result


def exact_difference(
    original: QuantumCircuit, encoded: EncodedCircuit, loaded: QuantumCircuit, values: dict
) -> float:
    """Return the largest difference between what two circuits do, registers and parameters mapped back."""
    bindings = BindingsArray({(parameter.name,): value for parameter, value in values.items()})
    numbers = encoded.values(bindings)
    assert numbers.shape == (len(encoded.inputs),)
    wire_values = dict(zip(encoded.inputs, numbers.tolist(), strict=True))
    assert [parameter.name for parameter in loaded.parameters] == list(encoded.inputs)
    loaded_values = {entry: wire_values[entry.name] for entry in loaded.parameters}
    if _is_unitary(original):
        a, b = _state(original.assign_parameters(values)), _state(loaded.assign_parameters(loaded_values))
        return float(1 - abs(a.inner(b)))
    places = {bit: index for index, bit in enumerate(original.clbits)}
    layout = [(register.name, [places[bit] for bit in register]) for register in original.cregs]
    wire_places = {
        (register.name, index): loaded.find_bit(bit).index
        for register in loaded.cregs
        for index, bit in enumerate(register)
    }
    wire_layout = [(entry.name, [wire_places[bit] for bit in entry.bits]) for entry in encoded.map.registers]
    want = by_registers(Exact(original, values).final, layout)
    got = by_registers(Exact(loaded, loaded_values).final, wire_layout)
    zero = np.zeros((2**original.num_qubits,) * 2)
    return max(float(np.abs(want.get(key, zero) - got.get(key, zero)).max()) for key in {*want, *got})


def _is_unitary(circuit: QuantumCircuit) -> bool:
    return not circuit.clbits and all(
        isinstance(step.operation, (Gate, Clifford)) or step.name in ("barrier", "delay")
        for step in circuit.data
    )


def _state(circuit: QuantumCircuit) -> Statevector:
    bare = circuit.copy_empty_like()
    for step in circuit.data:
        if step.name not in ("barrier", "delay"):
            bare.append(step)
    return Statevector(bare)


# ------------------------------------------------------------------------------------- nasty circuits

HOSTILE = [
    "C", "c-1", "measure", "cx", "cz", "θ", "_c", "esc_C", "gate", "pi", "U", "true", "input", "m000", "p00000",
    "q", "int", "x", "é", "a b", "a-b", "meas", "i1", "b", "3q", "c", "barrier", "m001", "π", "switch", "bit",
]  # fmt: skip
PARAMETERS = ["t", "t1", "h", "U", "pi", "τ", "gate", "true", "void", "im", "a b", "a-b", "_a_b", "x", "é", "B", "_",
              "c", "p00001", "inf", "nan", "θ", "ϕ", "\u037e", "i", "measure"]  # fmt: skip
ANGLES = [0.0, -0.0, math.pi, -math.pi / 2, 1e-12, 5e-10, 0.1, 1 / 3, 2.5, -7.25, 1e5, 5e-324, 3.0]
GATES = {
    name: gate
    for name, gate in get_standard_gate_name_mapping().items()
    if name not in ("measure", "reset", "delay", "global_phase")
}

# Qiskit 2.3 takes the variables of two loops in one body for one parameter if they have the same name, and refuses them.
SIBLINGS_SHARE = not __version__.startswith("2.3.")


class Maker:
    """Makes one random circuit.

    Attributes:
        values: A value for each parameter used.
    """

    def __init__(self, seed: int, *, dynamic: bool, wide: bool = False) -> None:
        self.random = random.Random(seed)
        self.numpy = np.random.default_rng(seed)
        self.dynamic = dynamic
        self.most_qubits = 8 if wide or not dynamic else 3
        self.parameters = self.make_parameters()
        self.loop_variables: list[Parameter] = []
        self.loops = self.variables = 0
        self.circuit = self.make_registers()
        steps = self.random.randint(1, 12 if dynamic else 25)
        for _ in range(steps):
            self.add(self.circuit, 0)
        if dynamic:
            for qubit, bit in zip(self.circuit.qubits, self.circuit.clbits, strict=False):
                if self.random.random() < 0.4:
                    self.circuit.measure(qubit, bit)
        self.values = {entry: self.random.uniform(-3, 3) for entry in self.circuit.parameters}

    def make_parameters(self) -> list[Parameter]:
        names = self.random.sample(PARAMETERS, self.random.randint(0, 5))
        vectors = self.random.sample(["v", "b", "aa", "θθ", "p"], self.random.randint(0, 2))
        found: list[Parameter] = [Parameter(name) for name in names]
        for name in vectors:
            found += list(ParameterVector(name, self.random.randint(1, 12)))[:10]
        return found[:24]

    def make_registers(self) -> QuantumCircuit:
        choose = self.random
        names = choose.sample(HOSTILE, 10)
        width = choose.randint(1, self.most_qubits)
        circuit = QuantumCircuit(global_phase=choose.choice([0, 0.3]))
        while circuit.num_qubits < width:
            kind = choose.randint(0, 3)
            size = choose.randint(1, width - circuit.num_qubits)
            if kind == 0:
                circuit.add_bits([Qubit()])
            elif kind == 1:
                circuit.add_register(AncillaRegister(size, names.pop()))
            else:
                circuit.add_register(QuantumRegister(size, names.pop()))
        if choose.random() < 0.2:
            circuit.add_register(QuantumRegister(bits=circuit.qubits[::-1], name=names.pop()))
        if not self.dynamic:
            return circuit
        for _ in range(choose.randint(1, 3)):
            kind = choose.randint(0, 5)
            if kind == 0:
                circuit.add_bits([Clbit()])
            elif kind == 1 and circuit.clbits:
                bits = choose.sample(circuit.clbits, choose.randint(1, len(circuit.clbits)))
                circuit.add_register(ClassicalRegister(bits=bits, name=names.pop()))
            else:
                circuit.add_register(ClassicalRegister(choose.choice([0, 1, 1, 2, 2]), names.pop()))
        if not circuit.clbits:
            circuit.add_register(ClassicalRegister(2, names.pop()))
        return circuit

    # ------------------------------------------------------------------------------------------ angles

    def angle(self) -> Any:
        choose = self.random
        if not self.parameters or choose.random() < 0.4:
            return choose.choice([*ANGLES, choose.uniform(-4, 4)])
        x, y = choose.choice(self.parameters), choose.choice(self.parameters)
        if self.loop_variables and choose.random() < 0.4:
            x = choose.choice(self.loop_variables)
        form = choose.randint(0, 14)
        if form < 7:
            return x
        return [
            2 * x, x + y, x - y + 0.25, x * y, (x + 5) / (-1 * (y + 5) * (x + 5)), x.sin() + y.cos(), x + x, -x,
        ][form - 7]  # fmt: skip

    def angles(self, count: int) -> list[Any]:
        return [self.angle() for _ in range(count)]

    # ----------------------------------------------------------------------------------- instructions

    def add(self, circuit: QuantumCircuit, depth: int) -> None:
        kinds = ["gate"] * 6 + ["special"] * 2 + ["plain"]
        if self.dynamic:
            kinds += ["measure"] * 2 + ["reset", "custom_instruction"]
            if depth < 2:
                kinds += ["if", "if", "switch", "for", "for", "box"]
                if self.loops == 0:
                    kinds += ["while"]
        getattr(self, "add_" + self.random.choice(kinds))(circuit, depth)

    def some_qubits(self, circuit: QuantumCircuit, count: int) -> list[Qubit]:
        return self.random.sample(circuit.qubits, count)

    def add_gate(self, circuit: QuantumCircuit, depth: int) -> None:
        name = self.random.choice(sorted(GATES))
        kind = GATES[name]
        if kind.num_qubits > circuit.num_qubits:
            name, kind = "sx", GATES["sx"]
        gate = kind.base_class(*self.angles(len(kind.params)))
        if getattr(gate, "num_ctrl_qubits", 0) and self.random.random() < 0.3:
            gate = gate.to_mutable()
            gate.ctrl_state = self.random.randrange(2**gate.num_ctrl_qubits)
        circuit.append(gate, self.some_qubits(circuit, gate.num_qubits))

    def add_plain(self, circuit: QuantumCircuit, depth: int) -> None:
        qubits = self.some_qubits(circuit, self.random.randint(1, circuit.num_qubits))
        if self.random.random() < 0.5:
            circuit.barrier(*qubits, label=self.random.choice([None, "label"]))
        else:
            circuit.delay(100, qubits[0], unit=self.random.choice(["ns", "dt", "us"]))

    def add_special(self, circuit: QuantumCircuit, depth: int) -> None:
        width = self.random.randint(1, min(2, circuit.num_qubits))
        where = self.some_qubits(circuit, width)
        kind = self.random.randint(0, 8)
        if kind == 0:
            circuit.append(UnitaryGate(random_unitary(2**width, seed=self.numpy)), where)
        elif kind == 1:
            circuit.append(self.custom_gate(width), where)
        elif kind == 2:
            # One term: for more, Qiskit's own matrix is the exact exponential and not the definition.
            label = "".join(self.random.choice("XYZ") for _ in where)
            circuit.append(PauliEvolutionGate(SparsePauliOp([label], [0.7]), self.angle()), where)
        elif kind == 3 and circuit.num_qubits >= 3:
            gates = [MCXGate(circuit.num_qubits - 1), MCPhaseGate(self.angle(), circuit.num_qubits - 1)]
            circuit.append(self.random.choice(gates), self.some_qubits(circuit, circuit.num_qubits))
        elif kind == 4:
            circuit.append(PauliGate("".join(self.random.choice("IXYZ") for _ in where)), where)
        elif kind == 5:
            circuit.append(random_clifford(width, seed=self.numpy), where)
        elif kind == 6 and circuit.num_qubits >= 2:
            circuit.append(CXGate(ctrl_state=0), self.some_qubits(circuit, 2))
        elif kind == 7 and circuit.num_qubits >= 2:
            gate = self.custom_gate(1)
            gate.name = "g"  # Qiskit itself controls by name
            circuit.append(gate.control(1, annotated=False), self.some_qubits(circuit, 2))
        else:
            circuit.append(self.reordered_gate(), where[:1])

    def custom_gate(self, width: int) -> Gate:
        inner = QuantumCircuit(width, global_phase=0.2)
        for _ in range(self.random.randint(1, 3)):
            inner.u(*self.angles(3), self.random.randrange(width))
        name = self.random.choice(
            ["ecr", "mcx", "kraus", "diagonal", "g", "cx", "h", "gate", "", "3q", "rzz"]
        )
        gate = inner.to_gate()
        gate.name = name
        return gate

    def reordered_gate(self) -> Gate:
        """A gate whose call order, definition order and name order all differ (traps G1, G2)."""
        b, a = Parameter("b"), Parameter("a")
        inner = QuantumCircuit(1)
        inner.rx(b, 0)
        inner.rz(2 * a, 0)
        gate = Gate("swapped", 1, [b, a])
        gate.definition = inner
        outer = QuantumCircuit(1)
        outer.append(gate, [0])
        first, second = self.angle(), self.angle()
        return outer.assign_parameters({a: first, b: second}).to_gate()

    def add_measure(self, circuit: QuantumCircuit, depth: int) -> None:
        circuit.measure(self.random.choice(circuit.qubits), self.random.choice(circuit.clbits))

    def add_reset(self, circuit: QuantumCircuit, depth: int) -> None:
        circuit.reset(self.random.choice(circuit.qubits))

    def add_custom_instruction(self, circuit: QuantumCircuit, depth: int) -> None:
        inner = QuantumCircuit(1, 1, name=self.random.choice(["measure", "reset", "mine"]))
        inner.rx(self.angle(), 0)
        inner.measure(0, 0)
        inner.append(self.custom_gate(1), [0])
        circuit.append(
            inner.to_instruction(), [self.random.choice(circuit.qubits)], [self.random.choice(circuit.clbits)]
        )

    # ------------------------------------------------------------------------------------ control flow

    def body(self, circuit: QuantumCircuit, depth: int) -> None:
        for _ in range(self.random.randint(1, 2)):
            self.add(circuit, depth + 1)

    def registers(self, circuit: QuantumCircuit) -> list[ClassicalRegister]:
        return [register for register in self.circuit.cregs if len(register)]

    def condition(self, circuit: QuantumCircuit) -> Any:
        choose = self.random
        bits, registers = self.circuit.clbits, self.registers(circuit)
        a, b = choose.choice(bits), choose.choice(bits)
        if registers and choose.random() < 0.5:
            r = choose.choice(registers)
            value = choose.randrange(2 ** len(r))
            return choose.choice([
                (r, value), expr.equal(r, value), expr.not_equal(r, value), expr.less(r, value),
                expr.greater_equal(r, value), expr.cast(r, types.Bool()), expr.index(r, 0),
                expr.logic_and(expr.equal(r, value), a), expr.equal(expr.bit_xor(r, value), 1),
                expr.equal(expr.add(r, value), 1), expr.logic_not(expr.equal(r, value)),
            ])  # fmt: skip
        return choose.choice([
            (a, True), (a, 0), expr.lift(a), expr.logic_not(a), expr.logic_and(a, b), expr.logic_or(a, b),
            expr.bit_xor(a, b), expr.equal(a, b), expr.logic_and(a, expr.logic_not(b)), expr.lift(True),
            expr.lift(False), expr.logic_or(expr.logic_not(a), b), expr.bit_and(a, b),
        ])  # fmt: skip

    def add_if(self, circuit: QuantumCircuit, depth: int) -> None:
        with circuit.if_test(self.condition(circuit)) as otherwise:
            self.body(circuit, depth)
            if self.loops and self.random.random() < 0.5:
                self.jump(circuit)
        if self.random.random() < 0.5:
            with otherwise:
                self.body(circuit, depth)

    def jump(self, circuit: QuantumCircuit) -> None:
        circuit.break_loop() if self.random.random() < 0.5 else circuit.continue_loop()

    def add_switch(self, circuit: QuantumCircuit, depth: int) -> None:
        registers = self.registers(circuit)
        target: Any = self.random.choice(self.circuit.clbits)
        size = 2
        if registers and self.random.random() < 0.7:
            target = self.random.choice(registers)
            size = 2 ** len(target)
            if self.random.random() < 0.3:
                target = expr.bit_not(target)
        labels = list(range(size)) if size > 2 else [False, True]
        self.random.shuffle(labels)
        with circuit.switch(target) as case:
            with case(*labels[: self.random.randint(1, 2)]):
                self.body(circuit, depth)
            if self.random.random() < 0.5:
                with case(case.DEFAULT):
                    self.body(circuit, depth)

    def add_for(self, circuit: QuantumCircuit, depth: int) -> None:
        indices = self.random.choice(
            [range(3), range(5, 0, -2), range(0), (), (2, 0, 7), [0, 0, 1], range(3, 0, -1), range(1), (4,)]
        )
        self.loops += 1
        self.variables += 1
        variable = (
            Parameter(
                self.random.choice(["k", "l", "w"]) + str(self.loops if SIBLINGS_SHARE else self.variables)
            )
            if self.random.random() < 0.6
            else None
        )
        with circuit.for_loop(indices, variable):
            if variable is not None:
                self.loop_variables.append(variable)
            self.body(circuit, depth)
            if variable is not None:
                self.loop_variables.pop()
        self.loops -= 1

    def add_while(self, circuit: QuantumCircuit, depth: int) -> None:
        condition = self.condition(circuit)
        self.loops += 1
        with circuit.while_loop(condition):
            for bit in self.circuit.clbits:
                qubit = self.random.choice(circuit.qubits)
                circuit.h(qubit)
                circuit.measure(qubit, bit)
            if self.random.random() < 0.4:
                self.body(circuit, 2)
        self.loops -= 1

    def add_box(self, circuit: QuantumCircuit, depth: int) -> None:
        with circuit.box():
            self.body(circuit, depth)


def found_in(made: Maker) -> set[str]:
    """Name what a random circuit is made of."""
    circuit = made.circuit
    bits = [bit for register in circuit.cregs for bit in register]
    found = {f"{circuit.num_qubits} qubits", f"{min(len(circuit.cregs), 3)} classical registers"}
    found |= {"overlapping registers"} if len(bits) > len(set(bits)) else set()
    found |= {"a loose bit"} if set(circuit.clbits) - set(bits) else set()
    found |= {"several quantum registers"} if len(circuit.qregs) > 1 else set()
    found |= {
        "a hostile name" for entry in circuit.cregs if not entry.name.isascii() or not entry.name.islower()
    }
    found |= {"no parameter"} if not circuit.num_parameters else {"parameters"}
    found |= {"more than 10 parameters"} if circuit.num_parameters > 10 else set()
    for entry in circuit.parameters:
        found.add("a vector element" if isinstance(entry, ParameterVectorElement) else "a single parameter")
    _look(circuit, found, set())
    return found


def _look(circuit: QuantumCircuit, found: set[str], measured: set[Qubit]) -> None:
    for step in circuit.data:
        operation = step.operation
        found.add(step.name if step.is_control_flow() else "an instruction")
        if not measured.isdisjoint(step.qubits) and step.name not in ("measure", "barrier", "delay"):
            found.add("a gate after a measurement")
        if step.name == "measure":
            measured.update(step.qubits)
        if type(operation) is Gate:
            found.add("a custom gate")
        if getattr(operation, "ctrl_state", None) not in (
            None,
            2 ** getattr(operation, "num_ctrl_qubits", 0) - 1,
        ):
            found.add("an open control")
        for value in getattr(operation, "params", ()):
            if isinstance(value, ParameterExpression) and not isinstance(value, Parameter):
                found.add("an expression")
        if isinstance(getattr(operation, "condition", None), expr.Expr):
            found.add("a general condition")
        for block in getattr(operation, "blocks", ()):
            found |= (
                {"nested control flow"} if any(inner.is_control_flow() for inner in block.data) else set()
            )
            _look(block, found, measured)


@pytest.fixture(scope="session")
def ingredients() -> Callable[[Maker], set[str]]:
    """Name what a random circuit is made of: ``ingredients(made)``."""
    return found_in


@pytest.fixture(scope="session")
def make_circuit() -> Callable[..., Maker]:
    """Make a random circuit from a seed: ``make_circuit(seed, dynamic=True)``."""
    return Maker


@pytest.fixture(scope="session")
def difference() -> Callable[..., float]:
    """Return how far a circuit that travelled is from the original: ``difference(circuit, values={})``."""

    def measure(
        circuit: QuantumCircuit,
        values: dict | None = None,
        *,
        read: Callable[[str], QuantumCircuit] = load_circuit,
    ) -> float:
        encoded = dump_circuit(circuit, circuit_format="qasm3")
        return exact_difference(circuit, encoded, read(encoded.wire), values or {})

    return measure


@pytest.fixture(scope="session")
def endless() -> type[Exception]:
    """What the exact simulator raises for a loop that does not end."""
    return Endless


@pytest.fixture(scope="session")
def exact() -> type[Exact]:
    """The exact simulator: ``exact(circuit).final`` maps classical bits to density matrices."""
    return Exact
