"""``TranspilerService``: what comes back is what was sent, for the backend that was named."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit import Parameter, ParameterVector
from qiskit.circuit.random import random_circuit
from qiskit.quantum_info import Operator, SparsePauliOp, Statevector
from qiskit.transpiler import CouplingMap, Target
from qiskit_aer import AerSimulator

from qiskit_rest_primitives import (
    EstimatorV2,
    IBMInputValueError,
    IBMNotAuthorizedError,
    IBMRuntimeError,
    RequestsApiError,
    RequestTimeoutError,
    TranspilerService,
)
from qiskit_rest_primitives.transpiler.cloud_service import TOKEN_VARIABLE, URL_VARIABLE

LINE = {"coupling_map": [[0, 1], [1, 2], [2, 3], [3, 4], [4, 5]]}
BASIS = {"basis_gates": ["rz", "sx", "x", "cz"], "seed_transpiler": 5}


def equivalent(transpiled: QuantumCircuit, original: QuantumCircuit) -> bool:
    """Whether both are the same operator up to layout and global phase; both without measurements."""
    return bool(Operator.from_circuit(transpiled).equiv(Operator(padded(original, transpiled.num_qubits))))


def speaks(circuit: QuantumCircuit, target: Target) -> bool:
    """Whether every instruction, inside control flow too, is one of the target's."""
    for step in circuit.data:
        qubits = tuple(circuit.find_bit(qubit).index for qubit in step.qubits)
        if step.name == "if_else":
            wide = [padded(block, circuit.num_qubits, qubits) for block in step.operation.blocks if block]
            if not all(speaks(block, target) for block in wide):
                return False
        elif step.name != "barrier" and not target.instruction_supported(
            step.name, qubits, parameters=list(step.params)
        ):
            return False
    return True


def padded(circuit: QuantumCircuit, width: int, qubits: Sequence[int] | None = None) -> QuantumCircuit:
    wide = QuantumCircuit(QuantumRegister(width), circuit.clbits)
    wide.compose(circuit, qubits or range(circuit.num_qubits), circuit.clbits, inplace=True)
    return wide


def test_fifty_random_circuits_come_back_equivalent(service: Any) -> None:
    """On a line of six qubits, where the layout matters and operators can be compared."""
    circuits = [random_circuit(2 + seed % 5, 5, max_operands=3, seed=seed) for seed in range(50)]
    for level in range(4):
        mine = TranspilerService(level, **LINE, qiskit_transpile_options=BASIS, service=service)
        chosen = circuits[level::4]
        for transpiled, original in zip(mine.run(chosen), chosen, strict=True):
            assert set(transpiled.count_ops()) <= {"rz", "sx", "x", "cz"}
            assert all(
                abs(transpiled.find_bit(step.qubits[0]).index - transpiled.find_bit(step.qubits[1]).index)
                == 1
                for step in transpiled.data
                if len(step.qubits) == 2
            )
            assert equivalent(transpiled, original), original


def test_fifty_random_circuits_come_back_in_the_language_of_the_backend(service: Any) -> None:
    target = service.backend("local_heron").target
    circuits = [
        random_circuit(2 + seed % 5, 5, max_operands=3, measure=True, conditional=seed % 3 == 0, seed=seed)
        for seed in range(50)
    ]
    for transpiled, original in zip(
        TranspilerService(2, backend_name="local_heron", service=service).run(circuits), circuits, strict=True
    ):
        assert speaks(transpiled, target)
        assert transpiled.num_qubits == target.num_qubits
        assert [(each.name, each.size) for each in transpiled.cregs] == [
            (each.name, each.size) for each in original.cregs
        ]
        assert len(transpiled.layout.final_index_layout()) == original.num_qubits


def test_observables_follow_the_layout(service: Any) -> None:
    circuit = QuantumCircuit(3)
    circuit.ry(0.4, 0)
    circuit.cx(0, 1)
    circuit.cx(0, 2)
    circuit.rx(0.9, 2)
    mine = TranspilerService(3, **LINE, qiskit_transpile_options=BASIS, service=service).run(circuit)
    assert isinstance(mine, QuantumCircuit)

    for label in ("ZII", "IZI", "IIZ", "XYZ", "ZZZ", "YIX"):
        observable = SparsePauliOp(label)
        moved = observable.apply_layout(mine.layout)
        assert np.isclose(
            Statevector(mine).expectation_value(moved), Statevector(circuit).expectation_value(observable)
        ), label


def test_an_estimator_gives_the_same_values_for_the_original_and_what_came_back(service: Any) -> None:
    circuit = QuantumCircuit(4)
    for qubit in range(4):
        circuit.ry(0.3 + qubit, qubit)
    circuit.cx([0, 0, 0], [1, 2, 3])
    circuit.rx(0.9, 2)
    observables = [SparsePauliOp(label) for label in ("ZIII", "IZXI", "IIIZ", "XYZZ", "ZZZZ")]
    line = CouplingMap.from_line(6)
    mine = TranspilerService(3, coupling_map=line, qiskit_transpile_options=BASIS, service=service).run(
        circuit
    )
    estimator = EstimatorV2(service.backend("aer_simulator"))
    moved = [observable.apply_layout(mine.layout) for observable in observables]
    first, second = estimator.run([(circuit, observables), (mine, moved)], precision=0.01).result()

    exact = [Statevector(circuit).expectation_value(observable).real for observable in observables]
    for found in (first, second):
        assert np.all(np.abs(found.data.evs - exact) < 5 * 0.01)


def test_names_parameters_and_metadata_are_ones_own(service: Any) -> None:
    angle, vector = Parameter("φ"), ParameterVector("v", 12)
    circuit = QuantumCircuit(
        QuantumRegister(3, "Data"), ClassicalRegister(2, "Out"), ClassicalRegister(1, "measure"), name="mine"
    )
    circuit.metadata = {"run": 7}
    for index in range(12):
        circuit.rx(vector[index] * 2 + angle, index % 3)
        circuit.rz(-angle, index % 3)
        circuit.cx(index % 3, (index + 1) % 3)
    bare = circuit.copy()
    circuit.measure([0, 1, 2], [1, 0, 2])
    values = {angle: 0.3, vector: list(np.linspace(0, 3, 12))}
    wish = {**LINE, "qiskit_transpile_options": BASIS, "service": service}
    mine, back = TranspilerService(2, **wish).run([circuit, bare])

    assert (mine.name, mine.metadata) == ("mine", {"run": 7})
    assert [(each.name, each.size) for each in mine.cregs] == [("Out", 2), ("measure", 1)]
    assert set(mine.parameters) == set(circuit.parameters)
    assert equivalent(back.assign_parameters(values), bare.assign_parameters(values))


def test_what_text_cannot_carry_travels_as_qpy(service: Any) -> None:
    circuit = QuantumCircuit(2, name="odd")
    circuit.unitary(np.diag([1, 1, 1, -1]), [0, 1])
    circuit.initialize([0, 1], 0)
    mine = TranspilerService(1, **LINE, qiskit_transpile_options=BASIS, service=service).run(circuit)

    assert mine.name == "odd"
    assert set(mine.count_ops()) <= {"rz", "sx", "x", "cz", "reset"}


def test_a_wish_for_ai_that_is_not_granted_is_a_warning(service: Any) -> None:
    circuit = QuantumCircuit(1)
    circuit.h(0)
    with pytest.warns(UserWarning, match="no AI"):
        TranspilerService(1, ai="true", backend_name="local_heron", service=service).run(circuit)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for ai in ("false", "auto", False):
            TranspilerService(1, ai=ai, backend_name="local_heron", service=service).run(circuit)


def test_preferences_of_ai_passes_are_not_left_out_in_silence(service: Any) -> None:
    circuit = QuantumCircuit(1)
    wish = TranspilerService(
        1, backend_name="local_heron", optimization_preferences="n_cnots", service=service
    )
    with pytest.warns(UserWarning, match="optimization_preferences"):
        wish.run(circuit)


def test_a_layout_can_be_kept(service: Any) -> None:
    """Each circuit's qubits stay where their numbers say, however many there are."""
    circuits = []
    for width in (2, 4):
        circuit = QuantumCircuit(width)
        for qubit in range(width - 1):
            circuit.cx(qubit, qubit + 1)
        circuits.append(circuit)
    kept = TranspilerService(
        3, ai="auto", ai_layout_mode="keep", backend_name="local_heron", service=service
    ).run(circuits)

    assert [each.layout.initial_index_layout(filter_ancillas=True) for each in kept] == [[0, 1], [0, 1, 2, 3]]


def test_a_coupling_map_of_ones_own_goes_with_the_gates_of_the_backend(service: Any) -> None:
    circuit = QuantumCircuit(3)
    circuit.h(0)
    circuit.cx(0, 2)
    mine = TranspilerService(
        1, backend_name="local_heron", coupling_map=CouplingMap.from_line(3), service=service
    ).run(circuit)

    assert set(mine.count_ops()) <= {"rz", "sx", "x", "cz"}
    assert mine.num_qubits == 3
    assert equivalent(mine, circuit)


@pytest.mark.parametrize(
    "options",
    [
        {"initial_layout": [20, 21, 22], "seed_transpiler": 1},
        {"layout_method": "trivial", "routing_method": "basic", "translation_method": "translator"},
        {"approximation_degree": 1.0, "unitary_synthesis_method": "default", "qubits_initially_zero": False},
        {"scheduling_method": "alap"},
        {"basis_gates": ["u", "cz"]},
    ],
)
def test_options_of_qiskit_are_followed(service: Any, options: dict[str, Any]) -> None:
    circuit = QuantumCircuit(3)
    circuit.h(0)
    circuit.cx([0, 1], [1, 2])
    mine = TranspilerService(
        1, backend_name="local_heron", qiskit_transpile_options=options, service=service
    ).run(circuit)
    places = mine.layout.initial_index_layout(filter_ancillas=True)

    assert "initial_layout" not in options or places == [20, 21, 22]
    assert "layout_method" not in options or places == [0, 1, 2]
    assert ("delay" in mine.count_ops()) is ("scheduling_method" in options)
    assert ("u" in mine.count_ops()) is ("basis_gates" in options)


@pytest.mark.parametrize("method", ["ibm_backend", "ibm_dynamic_circuits", "ibm_dynamic_and_fractional"])
def test_the_official_names_of_translation_stages_are_taken(service: Any, method: str) -> None:
    """They are Qiskit's plugins that this package registers, so that every server has them."""
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.rzz(-0.3, 0, 1)
    fractional = method.endswith("fractional")
    mine = TranspilerService(
        1,
        coupling_map=CouplingMap.from_line(2),
        backend_name="local_heron",
        qiskit_transpile_options={"translation_method": method},
        use_fractional_gates=fractional,
        service=service,
    ).run(circuit)

    assert ("rzz" in mine.count_ops()) is fractional
    assert all(0 <= step.params[0] <= np.pi / 2 for step in mine.data if step.name == "rzz")
    assert equivalent(mine, circuit)


def test_fractional_gates_are_used_when_they_are_wanted(service: Any) -> None:
    circuit = QuantumCircuit(2)
    circuit.rzz(0.3, 0, 1)
    plain = TranspilerService(1, backend_name="local_heron", service=service).run(circuit)
    fractional = TranspilerService(
        1, backend_name="local_heron", use_fractional_gates=True, service=service
    ).run(circuit)

    assert "rzz" not in plain.count_ops()
    assert "rzz" in fractional.count_ops()


def test_lists_stay_lists_and_coupling_maps_may_be_qiskits(service: Any) -> None:
    mine = TranspilerService(0, coupling_map=CouplingMap.from_line(3), service=service)
    circuit = QuantumCircuit(2)

    assert isinstance(mine.run([circuit]), list)
    assert mine.run([]) == []


def test_a_place_and_a_token_do_without_a_service(endpoint: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    circuit = QuantumCircuit(1)
    circuit.h(0)
    given = TranspilerService(1, backend_name="local_heron", url=endpoint.iam_url, token=endpoint.token)
    assert given.run(circuit).num_qubits == 156
    monkeypatch.setenv(URL_VARIABLE, endpoint.iam_url)
    monkeypatch.setenv(TOKEN_VARIABLE, endpoint.token)
    assert TranspilerService(1, backend_name="local_heron").run(circuit).num_qubits == 156
    monkeypatch.setenv(TOKEN_VARIABLE, "wrong")
    with pytest.raises(IBMNotAuthorizedError):
        TranspilerService(1, backend_name="local_heron").run(circuit)
    monkeypatch.delenv(TOKEN_VARIABLE)
    with pytest.raises(IBMInputValueError, match="does not exist any more"):
        TranspilerService(1, backend_name="local_heron")


def test_what_cannot_be_done_says_why(service: Any) -> None:
    wide = QuantumCircuit(7)
    wide.h(range(7))
    with pytest.raises(IBMRuntimeError, match="could not be transpiled"):
        TranspilerService(1, **LINE, service=service).run(wide)
    with pytest.raises(IBMInputValueError, match="Only circuits"):
        TranspilerService(1, **LINE, service=service).run(["OPENQASM 3.0;"])
    with pytest.raises(RequestsApiError, match="nix"):
        TranspilerService(1, backend_name="nix", service=service).run(wide)
    with pytest.raises(RequestTimeoutError):
        TranspilerService(3, backend_name="local_heron", service=service, timeout=0.01).run([wide] * 50)


@pytest.mark.parametrize(
    "arguments",
    [
        {"optimization_level": 4, "backend_name": "b"},
        {"ai": "perhaps", "backend_name": "b"},
        {"ai_layout_mode": "shuffle", "backend_name": "b"},
        {},
    ],
)
def test_arguments_that_make_no_sense_are_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(IBMInputValueError):
        TranspilerService(**arguments)


def test_conditions_read_the_same_registers_as_before(service: Any) -> None:
    flag, out = ClassicalRegister(2, "Flag"), ClassicalRegister(1, "Out")
    circuit = QuantumCircuit(QuantumRegister(3), flag, out)
    circuit.x([0, 1])
    circuit.measure([0, 1], flag)
    with circuit.if_test((flag, 3)) as otherwise:
        circuit.x(2)
    with otherwise:
        circuit.z(2)
    circuit.measure(2, out)
    mine = TranspilerService(2, **LINE, qiskit_transpile_options=BASIS, service=service).run(circuit)

    assert [each.name for each in mine.cregs] == ["Flag", "Out"]
    assert AerSimulator().run(mine, shots=20).result().get_counts() == {"1 11": 20}
