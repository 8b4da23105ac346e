"""Where the outcomes of an Estimator's settings come from; their statistics are tested in ``tests/physics``."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from qiskit.circuit import Parameter, QuantumCircuit
from qiskit.quantum_info import Pauli, Statevector
from qiskit_aer.jobs import utils as aer_jobs
from qiskit_aer.noise import NoiseModel, pauli_error

from qiskit_rest_primitives.qasm.noise_model import Distinguished
from qiskit_rest_primitives.server.aer.preparation import prepare
from qiskit_rest_primitives.server.aer.probabilities import Readout
from qiskit_rest_primitives.server.devices.given_noise import GivenNoiseModel
from qiskit_rest_primitives.server.primitives.grouping import Group, make_plan
from qiskit_rest_primitives.server.primitives.outcomes import OutcomeSampler


def test_a_circuit_in_a_loop_keeps_its_gates_instead_of_making_them_anew_in_every_iteration() -> None:
    circuit = QuantumCircuit(2)
    circuit.ry(Parameter("a"), 0)
    circuit.cx(0, 1)
    prepared = prepare(circuit)
    asked = {"method": "statevector"}  # of Aer
    outcomes = OutcomeSampler(prepared, Readout(None, symmetric=False), np.random.default_rng(1), 100, asked)
    groups = make_plan([{"ZZ": 1.0, "XX": 1.0}]).groups

    made = []
    for angle in (0.1, 0.2):
        list(outcomes.draw(groups, {circuit.parameters[0]: np.array([angle])}, 1))
        saving, labels = prepared.remembered(("saving", tuple(group.basis for group in groups)), list)
        made.append([step.operation for step in saving.data])

    assert labels == ["0", "1"]
    assert all(first is second for first, second in zip(*made, strict=True))


@pytest.mark.parametrize(
    "terms", [["ZZZZZZZZ"], ["XIXIXIXI", "IXIXIXII", "XXXXXXXI"], ["YYYYIIII", "IIIIYYYY"]]
)
@pytest.mark.parametrize("idle", [0, 1])
def test_outcomes_that_no_term_tells_apart_are_one_and_the_moments_stay(terms: list[str], idle: int) -> None:
    """Of many sets, only the signs of the terms are drawn: their distribution is that of all bits."""
    angles = [Parameter(f"a{qubit}") for qubit in range(8 - idle)]
    circuit = QuantumCircuit(8)
    for qubit, angle in enumerate(angles):
        circuit.rx(angle, qubit)
        circuit.cx(qubit, (qubit + 1) % len(angles))
    prepared = prepare(circuit)
    (group,) = make_plan([dict.fromkeys(terms, 1.0)]).groups
    sets, shots = 40, 4_000
    columns = {angle: np.linspace(0.2, 1.3, sets) + 0.1 * place for place, angle in enumerate(angles)}
    outcomes = OutcomeSampler(prepared, Readout(None, symmetric=False), np.random.default_rng(5), shots, {})

    ((drawn,),) = outcomes.draw([group], columns, sets)
    found = (drawn.counts / shots) @ drawn.signs

    assert drawn.counts.shape == (sets, len(drawn.signs))
    assert len(drawn.signs) <= 2 ** (len(terms) + idle)
    for row in range(0, sets, 13):
        bound = circuit.assign_parameters({angle: columns[angle][row] for angle in angles})
        state = Statevector(bound)
        exact = [state.expectation_value(Pauli(term)).real for term in _in_order(terms, group)]
        np.testing.assert_allclose(found[row], exact, atol=5 / shots**0.5)


def _in_order(terms: list[str], group: Group) -> list[str]:
    """Return the terms in the order of the rows of a group."""
    masks = {tuple(int(term[::-1][qubit] != "I") for qubit in group.qubits): term for term in terms}
    return [masks[tuple(mask)] for mask in group.masks.tolist()]


def test_a_circuit_is_simulated_in_the_thread_that_asks_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    shut = ThreadPoolExecutor(1)
    shut.shutdown()
    monkeypatch.setattr(aer_jobs, "DEFAULT_EXECUTOR", shut)
    circuit = QuantumCircuit(1)
    circuit.x(0)
    asked = {"method": "statevector"}  # of Aer
    outcomes = OutcomeSampler(
        prepare(circuit), Readout(None, symmetric=False), np.random.default_rng(1), 100, asked
    )

    ((drawn,),) = outcomes.draw(make_plan([{"Z": 1.0}]).groups, {}, 1)

    assert drawn.signs[drawn.counts[0] > 0].tolist() == [[-1]]


def test_noise_of_the_measurement_itself_reaches_every_qubit_that_is_measured() -> None:
    model = NoiseModel()
    model.add_all_qubit_quantum_error(pauli_error([("X", 0.25), ("I", 0.75)]), ["measure"])
    circuit = QuantumCircuit(3)
    circuit.x(1)
    readout = Readout(GivenNoiseModel(model.to_dict()), symmetric=False)
    outcomes = OutcomeSampler(
        prepare(circuit, noise=Distinguished(time=True, labels=False)),
        readout,
        np.random.default_rng(1),
        10_000,
        {},
    )

    ((drawn,),) = outcomes.draw(make_plan([{"IIZ": 1.0, "IZI": 1.0, "ZII": 1.0}]).groups, {}, 1)

    ones = drawn.counts[0] @ (1 - drawn.signs) / 2 / 10_000
    np.testing.assert_allclose(ones, [0.25, 0.75, 0.25], atol=5 * 0.5 / 10_000**0.5)
