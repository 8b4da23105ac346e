"""Circuits that have something of everything that QPY can carry; run as a file, reads mutations of them under a limit.

``python qpy_corpus.py SEED COUNT`` prints one JSON object: how many mutations came out how, and the memory it took.
"""

from __future__ import annotations

import base64
import collections
import io
import json
import random
import sys
import zlib
from collections.abc import Iterator
from typing import Any

from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister, qpy
from qiskit.circuit import Clbit, Parameter, ParameterVector, Qubit
from qiskit.circuit.classical import expr, types
from qiskit.circuit.library import (
    DiagonalGate,
    PauliEvolutionGate,
    PermutationGate,
    QFTGate,
    UCRXGate,
    XGate,
)
from qiskit.quantum_info import SparsePauliOp, random_clifford, random_unitary

VERSIONS = range(13, qpy.common.QPY_VERSION + 1)


def control_flow() -> QuantumCircuit:
    circuit = QuantumCircuit(3, 3)
    with circuit.if_test((circuit.clbits[0], 1)) as otherwise:
        circuit.x(0)
    with otherwise:
        circuit.y(1)
    with circuit.for_loop(range(5)):
        circuit.h(0)
    with circuit.for_loop((1, 5, 7)):
        circuit.h(0)
    with circuit.while_loop(expr.logic_not(circuit.clbits[1])):
        circuit.x(2)
        circuit.measure(2, 1)
    with circuit.switch(circuit.cregs[0]) as case:
        with case(0):
            circuit.x(0)
        with case(case.DEFAULT):
            circuit.z(0)
    return circuit


def gates() -> QuantumCircuit:
    vector, single = ParameterVector("θ", 5), Parameter("a")
    circuit = QuantumCircuit(3, global_phase=vector[2])
    circuit.rx(vector[0] + single * 2, 0)
    circuit.ry(vector[3], 1)
    circuit.rz(single.sin().subs({single: vector[1] + 1}), 0)
    made = QuantumCircuit(2, name="made")
    made.h(0)
    made.cx(0, 1)
    gate = made.to_gate()
    circuit.append(gate.control(1, ctrl_state=0), [0, 1, 2])
    circuit.append(gate, [0, 1])
    circuit.append(gate.inverse(annotated=True), [0, 1])
    circuit.append(gate.control(1, annotated=True), [0, 1, 2])
    circuit.append(XGate().control(2, annotated=True).inverse(annotated=True), [0, 1, 2])
    circuit.mcx([0, 1], 2)
    circuit.mcp(0.2, [0, 1], 2)
    circuit.unitary(random_unitary(4, seed=1), [0, 1])
    circuit.append(PauliEvolutionGate(SparsePauliOp(["XY", "ZZ"], [1, 2]), time=single), [0, 1])
    circuit.append(PauliEvolutionGate([SparsePauliOp(["XY"]), SparsePauliOp(["ZY"])], time=0.2), [0, 1])
    for state in ([1, 0, 0, 0], "01", 2):
        circuit.initialize(state, [0, 1])
    circuit.append(QFTGate(3), [0, 1, 2])
    circuit.append(random_clifford(2, seed=1), [0, 1])
    circuit.append(PermutationGate([1, 0]), [0, 1])
    circuit.append(DiagonalGate([1, -1]), [0])
    circuit.append(UCRXGate([0.1, 0.2]), [0, 1])
    circuit.delay(5, 0)
    circuit.barrier()
    return circuit


def variables() -> QuantumCircuit:
    circuit = QuantumCircuit(2, 2, metadata={"a": 1})
    number = circuit.add_var("v", expr.lift(5, types.Uint(8)))
    circuit.add_input("i", types.Bool())
    with circuit.if_test(expr.less(number, 3)):
        circuit.store(number, expr.bit_and(number, 1))
    return circuit


def registers() -> QuantumCircuit:
    circuit = QuantumCircuit(QuantumRegister(2, "a"), ClassicalRegister(3, "c"), [Qubit(), Clbit()])
    circuit.x(2)
    return circuit


CIRCUITS = (control_flow, gates, variables, registers)


def written(circuit: QuantumCircuit, version: int) -> bytes:
    stream = io.BytesIO()
    qpy.dump(circuit, stream, version=version)
    return stream.getvalue()


def mutations(seed: int, count: int) -> Iterator[bytes]:
    """Yield objects of which a few bytes are others, big numbers mostly."""
    chance = random.Random(seed)
    honest = [written(make(), version) for make in CIRCUITS for version in VERSIONS]
    for _ in range(count):
        body = bytearray(chance.choice(honest))
        for _ in range(chance.choice((1, 1, 1, 2, 4))):
            size = chance.choice((1, 2, 4, 8))
            at = chance.randrange(20, len(body) - size)
            number = chance.choice((0, 1, 2**24, 2**28, 2**31, 2**40, 2**62, chance.getrandbits(63)))
            body[at : at + size] = (number % 2 ** (8 * size)).to_bytes(size, "big")
        yield bytes(body)


def main() -> None:
    import resource

    from qiskit_rest_primitives.qasm.codec import load_circuit
    from qiskit_rest_primitives.qasm.limits import CircuitLoadError
    from qiskit_rest_primitives.wire import typed
    from qiskit_rest_primitives.wire.jsonio import DecodeError

    seed, count = map(int, sys.argv[1:])
    resource.setrlimit(resource.RLIMIT_AS, (4 << 30,) * 2)
    ends: collections.Counter[str] = collections.Counter()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for body in mutations(seed, count):
        value: dict[str, Any] = {
            "__type__": "QuantumCircuit",
            "__value__": base64.b64encode(zlib.compress(body)).decode(),
        }
        for read in (typed.load, load_circuit):
            try:
                read(value)
                ends["read"] += 1
            except (DecodeError, CircuitLoadError) as refusal:  # noqa: PERF203 - one by one, on purpose
                ends["refused"] += 1
                ends["judged"] += "claims" in str(refusal)
            except BaseException as other:  # noqa: BLE001 - any other end is what the test looks for
                ends[f"{type(other).__name__}: {str(other)[:200]}"] += 1
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(json.dumps({"ends": ends, "grown": grown * 1024}))


if __name__ == "__main__":
    main()
