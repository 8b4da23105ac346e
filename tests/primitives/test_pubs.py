"""The liberal gate: every PUB form is read, every bad one is refused with its index and the remedy."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from qiskit.circuit import ClassicalRegister, Parameter, ParameterVector, QuantumCircuit, QuantumRegister
from qiskit.primitives.containers.bindings_array import BindingsArray
from qiskit.primitives.containers.estimator_pub import EstimatorPub
from qiskit.primitives.containers.sampler_pub import SamplerPub
from qiskit.quantum_info import Pauli, PauliList, SparseObservable, SparsePauliOp

from qiskit_rest_primitives.exceptions import IBMInputValueError
from qiskit_rest_primitives.primitives.pubs import read_estimator_pubs, read_sampler_pubs

A, B = Parameter("a"), Parameter("b")


def bell() -> QuantumCircuit:
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure_all()
    return circuit


def rotated(measured: bool = True) -> QuantumCircuit:
    circuit = QuantumCircuit(2)
    circuit.ry(A, 0)
    circuit.rz(A + B, 1)
    if measured:
        circuit.measure_all()
    return circuit


# -- forms -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pub", "shape", "shots"),
    [
        (bell(), (), None),
        ((bell(),), (), None),
        ([bell()], (), None),
        ((bell(), None), (), None),
        ((bell(), None, 12), (), 12),
        ((bell(), None, np.int64(12)), (), 12),
        (SamplerPub.coerce((bell(), None, 7)), (), 7),
        ((rotated(), [0.1, 0.2]), (), None),
        ((rotated(), np.zeros((3, 4, 2))), (3, 4), None),
        ((rotated(), {"a": 0.1, "b": 0.2}), (), None),
        ((rotated(), {A: [0.1, 0.2], B: [0.3, 0.4]}), (2,), None),
        ((rotated(), {("b", "a"): [[1, 2], [3, 4], [5, 6]]}), (3,), None),
        ((rotated(), BindingsArray({(A, B): [[1, 2]]}), 5), (1,), 5),
    ],
)
def test_sampler_pubs_are_read_in_every_form(pub: Any, shape: tuple[int, ...], shots: int | None) -> None:
    (read,) = read_sampler_pubs([pub])
    (given,) = read_sampler_pubs(iter([pub]), shots=99)

    assert (read.shape, read.shots) == (shape, shots)
    assert given.shots == (shots or 99)


@pytest.mark.parametrize(
    ("observables", "values", "shape"),
    [
        ("ZZ", [0, 0], ()),
        (Pauli("ZZ"), [0, 0], ()),
        (SparsePauliOp(["ZZ", "XI"], [1, 2]), [0, 0], ()),
        (SparseObservable("XY"), [0, 0], ()),
        ({"ZZ": 1, "XX": -0.5}, [0, 0], ()),
        (["ZZ", "XX"], [0, 0], (2,)),
        (PauliList(["ZZ", "XX"]), [0, 0], (2,)),
        ([["ZZ"], ["XX"], [{"YY": 2}]], np.zeros((4, 2)), (3, 4)),
        ([["ZZ"], ["XX"], ["YY"]], np.zeros((2, 1, 4, 2)), (2, 3, 4)),
        (np.array(["ZZ", "XX"], dtype=object), {"a": [1, 2], "b": [3, 4]}, (2,)),
    ],
)
def test_estimator_pubs_are_read_in_every_form(observables: Any, values: Any, shape: tuple[int, ...]) -> None:
    (read,) = read_estimator_pubs([(rotated(measured=False), observables, values)])
    (precise,) = read_estimator_pubs([(rotated(measured=False), observables, values, 0.5)], precision=0.1)
    (given,) = read_estimator_pubs([(rotated(measured=False), observables, values)], precision=0.1)

    assert (read.shape, read.precision) == (shape, None)
    assert (precise.precision, given.precision) == (0.5, 0.1)


def test_no_pubs_are_read_as_none() -> None:
    assert read_sampler_pubs([]) == []
    assert read_estimator_pubs([]) == []


# -- refusals --------------------------------------------------------------------------------------------------

PLAIN = QuantumCircuit(2)

SAMPLER_REFUSALS: list[tuple[str, Any, type[Exception], str]] = [
    ("a bare circuit", bell(), ValueError, r"wrap it in a list, sampler\.run\(\[\.\.\.\]\)"),
    ("a bare PUB", SamplerPub.coerce(bell()), ValueError, "wrap it in a list"),
    ("instructions", list(bell()), ValueError, "PUB 0 is one instruction of a circuit: wrap the circuit"),
    ("a number", 3, TypeError, "takes a list of PUBs, not int"),
    ("text", "circuit", TypeError, "takes a list of PUBs, not str"),
    ("a tuple meant as one PUB", (rotated(), [1, 2]), ValueError, "the parts of one PUB"),
    ("a number as PUB", [bell(), 3], TypeError, "PUB 1 .*must begin with a QuantumCircuit, not int"),
    (
        "text as circuit",
        [("OPENQASM 3.0;", [1])],
        ValueError,
        "must begin with a QuantumCircuit, not str",
    ),
    ("an empty PUB", [()], ValueError, "PUB 0"),
    ("four entries", [(bell(), None, 1, 2)], ValueError, "PUB 0 .*4 parts"),
    ("too few values", [bell(), (rotated(), [1])], ValueError, r"PUB 1 .*number of values \(1\)|PUB 1"),
    ("too many values", [(rotated(), [1, 2, 3])], ValueError, "PUB 0"),
    ("no values", [rotated()], ValueError, "PUB 0 .*no values are given"),
    ("values without parameters", [(bell(), [1.0])], ValueError, "PUB 0"),
    ("an unknown name", [(rotated(), {"a": 1})], ValueError, "PUB 0"),
    ("NaN", [(rotated(), [0.1, np.nan])], IBMInputValueError, "PUB 0 .*not finite, for parameter 'b'"),
    ("infinity", [(rotated(), {"a": [1, np.inf], "b": [1, 2]})], IBMInputValueError, "parameter 'a'"),
    ("complex values", [(rotated(), [1j, 2])], TypeError, "PUB 0"),
    ("words as values", [(rotated(), ["x", "y"])], ValueError, "PUB 0"),
    ("0 shots", [(bell(), None, 0)], IBMInputValueError, "PUB 0 .*shots must be positive, but is 0"),
    ("negative shots", [(bell(), None, -5)], IBMInputValueError, "shots must be positive, but is -5"),
    ("float shots", [(bell(), None, 10.0)], TypeError, "PUB 0 .*shots must be an integer, not float"),
    ("boolean shots", [(bell(), None, True)], TypeError, "shots must be an integer, not bool"),
]


@pytest.mark.parametrize(
    ("pubs", "error", "words"), [pytest.param(*row[1:], id=row[0]) for row in SAMPLER_REFUSALS]
)
def test_bad_sampler_pubs_are_refused(pubs: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        read_sampler_pubs(pubs)


ESTIMATOR_REFUSALS: list[tuple[str, Any, type[Exception], str]] = [
    ("a bare circuit", PLAIN, ValueError, r"estimator\.run\(\[\.\.\.\]\)"),
    ("a circuit as PUB", [PLAIN], ValueError, "PUB 0"),
    ("one PUB without list", (PLAIN, "ZZ"), ValueError, "the parts of one PUB"),
    ("no observables", [(PLAIN,)], ValueError, "PUB 0 .*no observables"),
    ("five entries", [(PLAIN, "ZZ", None, 0.1, 1)], ValueError, "PUB 0 .*5 parts"),
    ("wrong width", [(PLAIN, "Z")], ValueError, r"PUB 0 .*apply_layout\(circuit\.layout\)"),
    ("mixed widths", [(PLAIN, ["ZZ", "Z"])], ValueError, "PUB 0"),
    ("not Hermitian", [(PLAIN, {"ZZ": 1j})], ValueError, "PUB 0 .*Hermitian"),
    ("a bad letter", [(PLAIN, "ZQ")], ValueError, "PUB 0"),
    (
        "no observable in the array",
        [(PLAIN, [])],
        IBMInputValueError,
        r"empty array of observables \(shape \(0,\)\)",
    ),
    ("an observable of no class", [(PLAIN, 3)], TypeError, "PUB 0"),
    (
        "shapes that do not broadcast",
        [(rotated(False), ["ZZ", "XX"], np.zeros((3, 2)))],
        ValueError,
        "broadcast",
    ),
    (
        "0 precision",
        [(PLAIN, "ZZ", None, 0)],
        IBMInputValueError,
        "precision of PUB 0 .*greater than 0, but is 0",
    ),
    ("negative precision", [(PLAIN, "ZZ", None, -0.1)], ValueError, "PUB 0"),
    ("NaN precision", [(PLAIN, "ZZ", None, np.nan)], IBMInputValueError, "but is nan"),
    ("infinite precision", [(PLAIN, "ZZ", None, np.inf)], IBMInputValueError, "but is inf"),
    ("boolean precision", [(PLAIN, "ZZ", None, True)], TypeError, "not bool"),
    ("text as precision", [(PLAIN, "ZZ", None, "0.1")], TypeError, "PUB 0"),
]


@pytest.mark.parametrize(
    ("pubs", "error", "words"), [pytest.param(*row[1:], id=row[0]) for row in ESTIMATOR_REFUSALS]
)
def test_bad_estimator_pubs_are_refused(pubs: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        read_estimator_pubs(pubs)


@pytest.mark.parametrize(
    ("read", "argument", "error"),
    [
        (lambda shots: read_sampler_pubs([bell()], shots), 0, ValueError),
        (lambda shots: read_sampler_pubs([bell()], shots), -1, ValueError),
        (lambda shots: read_sampler_pubs([bell()], shots), 1.5, TypeError),
        (lambda shots: read_sampler_pubs([bell()], shots), True, TypeError),
        (lambda shots: read_sampler_pubs([bell()], shots), "10", TypeError),
        (lambda precision: read_estimator_pubs([(PLAIN, "ZZ")], precision), 0, ValueError),
        (lambda precision: read_estimator_pubs([(PLAIN, "ZZ")], precision), -0.1, ValueError),
        (lambda precision: read_estimator_pubs([(PLAIN, "ZZ")], precision), float("nan"), ValueError),
        (lambda precision: read_estimator_pubs([(PLAIN, "ZZ")], precision), True, TypeError),
        (lambda precision: read_estimator_pubs([(PLAIN, "ZZ")], precision), "0.1", TypeError),
    ],
)
def test_bad_arguments_of_run_are_refused(
    read: Callable[[Any], Any], argument: Any, error: type[Exception]
) -> None:
    with pytest.raises(error, match=f"^(shots|precision) must be .*{re.escape(str(argument))}"):
        read(argument)


def test_ready_made_pubs_are_checked_too() -> None:
    unchecked = EstimatorPub(
        PLAIN, read_estimator_pubs([(PLAIN, "ZZ")])[0].observables, precision=-1, validate=False
    )

    with pytest.raises(IBMInputValueError, match="precision of PUB 0"):
        read_estimator_pubs([unchecked])


# -- registers -------------------------------------------------------------------------------------------------


def test_a_circuit_without_registers_warns() -> None:
    with pytest.warns(UserWarning, match="PUB 1 has no classical register"):
        read_sampler_pubs([bell(), QuantumCircuit(1)])


def test_an_empty_register_is_refused() -> None:
    circuit = QuantumCircuit(QuantumRegister(1), ClassicalRegister(0, "none"))

    with pytest.raises(IBMInputValueError, match="'none' of PUB 0 has no bits"):
        read_sampler_pubs([circuit])


@pytest.mark.parametrize(
    "name",
    [
        "shape",
        "size",
        "ndim",
        "keys",
        "values",
        "items",
        "_data",
        "self",
        "__class__",
        "__dict__",
        "__weakref__",
    ],
)
def test_r9_register_names_that_results_cannot_have_are_refused(name: str) -> None:
    circuit = QuantumCircuit(QuantumRegister(1), ClassicalRegister(1, name))

    with pytest.raises(IBMInputValueError, match=f"'{name}' of PUB 0 .*rename"):
        read_sampler_pubs([circuit])


@pytest.mark.parametrize(
    "name", ["c-1", "Meas", "gate", "class", "bit", "2nd", "μ", "my reg", "cls", "__len__"]
)
def test_any_other_register_name_is_fine(name: str) -> None:
    (read,) = read_sampler_pubs([QuantumCircuit(QuantumRegister(1), ClassicalRegister(1, name))])

    assert [register.name for register in read.circuit.cregs] == [name]


def test_registers_do_not_matter_to_an_estimator() -> None:
    vector = ParameterVector("v", 12)
    circuit = QuantumCircuit(QuantumRegister(1), ClassicalRegister(0, "shape"))
    for parameter in vector:
        circuit.rx(parameter, 0)

    (read,) = read_estimator_pubs([(circuit, "Z", range(12))])

    assert read.parameter_values.num_parameters == 12


# -- operators that a loop gives again ----------------------------------------------------------------------------


def matrix(operator: SparsePauliOp) -> Any:
    """What an estimator reads of an operator, as a matrix."""
    (pub,) = read_estimator_pubs([(rotated(measured=False), operator, [0.1, 0.2])])
    return SparsePauliOp.from_sparse_observable(pub.observables.slice(())).to_matrix()


def other_coefficients(operator: SparsePauliOp) -> None:
    operator.coeffs[0] *= 2


def other_letters(operator: SparsePauliOp) -> None:
    operator.paulis.z[0] = ~operator.paulis.z[0]
    operator.paulis.x[0] = False


def other_terms(operator: SparsePauliOp) -> None:
    operator.paulis, operator.coeffs = PauliList(["XI", "IX", "YY"]), np.array([1.0, 2.0, 3.0])


@pytest.mark.parametrize("change", [other_coefficients, other_letters, other_terms])
@pytest.mark.parametrize("kind", [complex, float])
def test_an_operator_that_was_changed_in_place_is_read_anew(
    change: Callable[[SparsePauliOp], None], kind: type
) -> None:
    if change is other_terms:
        operator = SparsePauliOp(["ZI", "XX", "IY"], np.array([0.5, -1.0, 2.0], dtype=kind))
    else:
        operator = SparsePauliOp(["ZI", "XX"], np.array([0.5, -1.0], dtype=kind))
    for _ in range(2):
        assert np.allclose(matrix(operator), operator.to_matrix())
        change(operator)
    assert np.allclose(matrix(operator), operator.to_matrix())


def test_equal_operators_are_read_once() -> None:
    pubs = [(rotated(measured=False), SparsePauliOp("ZZ", 0.25), [0.1, 0.2]) for _ in range(2)]
    first, second = read_estimator_pubs(pubs)
    assert first.observables is second.observables


def test_operators_with_the_same_numbers_in_another_shape_are_told_apart() -> None:
    """Two terms of one qubit, and one term of two, have the same bytes."""
    for operator in (SparsePauliOp(["Z", "X"], [1, 0.5]), SparsePauliOp(["ZX", "XZ"], [1, 0.5])):
        circuit = QuantumCircuit(operator.num_qubits)
        (pub,) = read_estimator_pubs([(circuit, operator)])
        assert pub.observables.num_qubits == operator.num_qubits
