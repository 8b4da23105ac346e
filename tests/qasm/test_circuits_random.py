"""Random circuits, exactly: what is read back does what was written, at the parameters' values.

Each example is one seed of ``make_circuit`` (conftest): hostile names, several registers, parameters and
expressions, custom gates, and for the dynamic ones measurements and control flow. A counterexample is
therefore one number; keep it in ``FOUND``.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit, generate_preset_pass_manager, qasm3
from qiskit.transpiler import CouplingMap

from qiskit_rest_primitives.qasm.canonical import CircuitDumpError
from qiskit_rest_primitives.qasm.text import read_program

EXACT = 1e-9
SEEDS = st.integers(0, 2**32 - 1)
DEFAULT = settings(
    max_examples=300,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
DEEP = settings(DEFAULT, max_examples=2600, derandomize=False, print_blob=True)
pytestmark = pytest.mark.filterwarnings(
    "ignore::scipy.sparse.SparseEfficiencyWarning", "ignore:.*CSC.*:Warning"
)

FOUND = {
    "static": [
        139,  # an expression that cancels to a negative number cannot be hashed
    ],
    "dynamic": [
        17,  # an instruction of the user's that is named "measure"
        279,  # a loop variable in an instruction's definition in a nested block
        606,
    ],
}


@pytest.fixture(scope="session")
def check(make_circuit, difference, endless):
    """Check one seed; return False for what is no example."""

    def run(seed: int, *, dynamic: bool, read=read_program) -> bool:
        made = make_circuit(seed, dynamic=dynamic)
        try:
            worst = difference(made.circuit, made.values, read=read)
        except (CircuitDumpError, endless):
            assert dynamic  # only some while loops are refused, and only loops are endless
            return False
        assert worst < EXACT
        return True

    return run


@pytest.mark.parametrize("seed", FOUND["static"])
def test_static_circuits_that_once_failed(seed, check):
    assert check(seed, dynamic=False)


@pytest.mark.parametrize("seed", FOUND["dynamic"])
def test_dynamic_circuits_that_once_failed(seed, check):
    check(seed, dynamic=True)


@given(seed=SEEDS)
@DEFAULT
def test_static_circuits_prepare_the_same_state(seed, check):
    check(seed, dynamic=False)


@given(seed=SEEDS)
@settings(DEFAULT, max_examples=200)
def test_dynamic_circuits_have_the_same_outcomes_and_states(seed, check):
    check(seed, dynamic=True)


@given(seed=SEEDS)
@settings(DEFAULT, max_examples=15)
@pytest.mark.parametrize("dynamic", [False, True], ids=["static", "dynamic"])
def test_the_stock_importer_understands_the_same(dynamic, seed, check):
    check(seed, dynamic=dynamic, read=qasm3.loads)


@given(seed=SEEDS)
@settings(DEFAULT, max_examples=15)
def test_transpiled_circuits_keep_their_layout(seed, make_circuit, difference):
    passes = generate_preset_pass_manager(
        1,
        coupling_map=CouplingMap.from_line(9),
        basis_gates=["cz", "rz", "sx", "x", "rzz"],
        seed_transpiler=seed % 1000,
    )
    # Qiskit's transpiler takes neither gates of the user's named like its own nor two units of time.
    plain = read_program(_text(make_circuit(seed, dynamic=False).circuit))
    bare = plain.copy_empty_like()
    for step in plain.data:
        if step.name != "delay":
            bare.append(step)
    isa: QuantumCircuit = passes.run(bare)
    values = {parameter: 0.3 + 0.7 * index for index, parameter in enumerate(isa.parameters)}

    assert difference(isa, values) < EXACT
    back = read_program(_text(isa))
    assert back.num_qubits == isa.num_qubits
    assert {name: count for name, count in isa.count_ops().items() if name != "barrier"} == {
        name: count for name, count in back.count_ops().items() if name != "barrier"
    }


def _text(circuit: QuantumCircuit) -> str:
    from qiskit_rest_primitives.qasm.codec import dump_circuit

    return dump_circuit(circuit, circuit_format="qasm3").wire


def test_enough_of_the_dynamic_circuits_are_examples(check):
    done = sum(check(seed, dynamic=True) for seed in range(100))

    assert done > 80


@pytest.mark.deep
@given(seed=SEEDS)
@DEEP
@pytest.mark.parametrize("dynamic", [False, True], ids=["static", "dynamic"])
def test_many_circuits_do_the_same(dynamic, seed, check):
    check(seed, dynamic=dynamic)
