"""What beginners write wrong, and that the answer says what to write instead; all of it is faults D (weak texts)."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.quantum_info import SparsePauliOp
from qiskit.transpiler import generate_preset_pass_manager

from qiskit_rest_primitives import (
    Batch,
    EstimatorV2,
    Executor,
    NoiseLearner,
    QiskitRuntimeService,
    SamplerV2,
    Session,
)
from qiskit_rest_primitives._calls import explained
from qiskit_rest_primitives.exceptions import IBMInputValueError

PRIMITIVES = [SamplerV2, EstimatorV2, NoiseLearner, Executor]


@pytest.fixture(scope="module")
def backend(service: Any) -> Any:
    return service.backend("aer_simulator")


def pair(measured: bool) -> QuantumCircuit:
    circuit = QuantumCircuit(2)
    circuit.ry(Parameter("alpha"), 0)
    circuit.ry(Parameter("beta"), 1)
    if measured:
        circuit.measure_all()
    return circuit


def told(call: Callable[[], Any], kind: type[Exception] = IBMInputValueError) -> str:
    with pytest.raises(kind) as caught:
        call()
    return str(caught.value)


@pytest.mark.parametrize("cls", PRIMITIVES)
@pytest.mark.parametrize("name", ["backend", "session", "batch"])
def test_places_are_given_as_mode(cls: Any, name: str) -> None:
    """Faults D (SamplerV2(backend=b))."""
    text = told(lambda: cls(**{name: object()}), TypeError)

    assert text.startswith(f"{cls.__name__}() got an unexpected keyword argument {name!r}")
    assert f"{cls.__name__}(mode={name})" in text


@pytest.mark.parametrize("cls", [Session, Batch])
def test_sessions_take_a_backend(cls: Any, backend: Any) -> None:
    """Faults D (SamplerV2(backend=b)): the neighbours."""
    assert f"{cls.__name__}(backend=backend)" in told(lambda: cls(mode=backend), TypeError)
    assert "the backend knows its service" in told(lambda: cls(service=1, backend=backend), TypeError)
    assert f"{cls.__name__}(backend=" in told(lambda: cls(), TypeError)


@pytest.mark.parametrize("name", ["api_key", "apikey", "toke", "crn", "instanc"])
@pytest.mark.parametrize("call", [QiskitRuntimeService, QiskitRuntimeService.save_account])
def test_accounts_name_the_argument_and_never_the_value(call: Any, name: str) -> None:
    """Faults D (QiskitRuntimeService(api_key=...))."""
    text = told(lambda: call(**{name: "not-to-be-seen"}), TypeError)

    assert ("instance=" if name in ("crn", "instanc") else "token=") in text
    assert "not-to-be-seen" not in text
    with pytest.raises(ValueError, match="by name: token=") as caught:
        QiskitRuntimeService("not-to-be-seen")
    assert "not-to-be-seen" not in str(caught.value)


@pytest.mark.parametrize(
    ("cls", "group", "wrong", "right"),
    [
        (SamplerV2, {}, "default_shot", "default_shots"),
        (SamplerV2, {"twirling": 0}, "enable_gate", "twirling.enable_gates"),
        (EstimatorV2, {"resilience": 0}, "zne_mitigate", "resilience.zne_mitigation"),
    ],
)
def test_misspelled_options_get_the_closest_name(
    cls: Any, group: dict[str, Any], wrong: str, right: str, backend: Any
) -> None:
    """Faults D (misspelled options)."""
    options: Any = {name: {wrong: 1} for name in group} or {wrong: 1}

    assert repr(right) in told(lambda: cls(backend, options))


SAMPLER = [
    ("few", (pair(True), [0.1]), ["PUB 1", "2 values are expected", "alpha, beta", "(1,)"]),
    ("many", (pair(True), np.zeros((4, 3))), ["PUB 1", "2 values", "last axis", "alpha, beta", "(4, 3)"]),
    ("none", pair(True), ["PUB 1", "2 parameters (alpha, beta)", "(circuit, values)"]),
    ("name", (pair(True), {"alpa": 0.1, "beta": 0.2}), ["no parameter 'alpa'", "'alpha'?", "alpha, beta"]),
    ("missing", (pair(True), {"alpha": 0.1}), ["no value is given for 'beta'"]),
    ("extra", (pair(True), {"alpha": 1, "beta": 2, "gamma": 3}), ["no parameter 'gamma'", "alpha, beta"]),
    ("observable", (pair(True), "ZZ"), ["EstimatorV2"]),
    ("text", (pair(True), ["a", "b"]), ["real numbers"]),
    ("parts", (pair(True), None, 1, 2), ["4 parts", "(circuit, values, shots)"]),
]


@pytest.mark.parametrize(("pub", "words"), [pytest.param(*row[1:], id=row[0]) for row in SAMPLER])
def test_values_say_what_is_expected(pub: Any, words: list[str], backend: Any) -> None:
    """Faults D (too few values, wrong parameter name)."""
    text = told(lambda: SamplerV2(backend).run([(pair(True), [1, 2]), pub]))

    assert [word for word in words if word not in text] == []


LETTERS = "I, X, Y and Z, or for projectors 0, 1, +, -, r and l"
ESTIMATOR = [
    ("letter", "ZA", ["the observable", "'ZA'", "character 1", "'A'", LETTERS]),
    ("case", {"zZ": 1.0}, ["character 0", "'z'", "did you mean 'Z'?", LETTERS]),
    ("place", [["ZZ"], ["Z?"]], ["observable [1][0]", "character 1", "'?'"]),
    ("array", np.array(["ZZ", "QZ"]), ["observable [1]", "character 0", "'Q'"]),
    ("width", ["ZZ", "ZZZ"], ["observable [1]", "'ZZZ' of 3 qubits", "the circuit has 2"]),
    ("operator", SparsePauliOp("Z"), ["1 qubit,", "the circuit has 2", "apply_layout"]),
]


@pytest.mark.parametrize(("observables", "words"), [pytest.param(*row[1:], id=row[0]) for row in ESTIMATOR])
def test_observables_say_which_letter_and_where(observables: Any, words: list[str], backend: Any) -> None:
    """Faults D (bad Pauli label)."""
    text = told(lambda: EstimatorV2(backend).run([(pair(False), observables, [1, 2])]))

    assert [word for word in ["PUB 0", *words] if word not in text] == []


def test_what_a_run_takes_is_told(backend: Any) -> None:
    """Faults D (run([c], 100)), and PUBs that are not in a list."""
    coin, sampler, estimator = pair(True), SamplerV2(backend), EstimatorV2(backend)
    any_run: Any = sampler.run

    assert "sampler.run([circuit], shots=100)" in told(lambda: any_run([coin], 100), TypeError)
    assert "did you mean shots=?" in told(lambda: any_run([coin], shot=100), TypeError)
    any_run = estimator.run
    assert "precision=0.01" in told(lambda: any_run([(coin, "ZZ")], 0.1), TypeError)
    assert "precision=0.01" in told(lambda: any_run([(coin, "ZZ")], shots=100), TypeError)
    assert "sampler.run([...])" in told(lambda: sampler.run(coin))  # type: ignore[arg-type]
    assert "sampler.run([(circuit, values)])" in told(lambda: sampler.run((coin, [0.1, 0.2])))
    one = "estimator.run([(circuit, observables, values)])"
    assert one in told(lambda: estimator.run((coin, "ZZ")))
    assert one in told(lambda: estimator.run([coin, "ZZ", [0.1, 0.2]]))
    assert "(circuit, observables)" in told(lambda: estimator.run([coin]))


def test_a_circuit_that_is_not_transpiled_names_the_pass_manager(service: Any) -> None:
    """Faults D (weak texts): untranspiled circuits and observables on a device."""
    device = service.backend("local_heron")
    bell = QuantumCircuit(2)
    bell.h(0)
    isa = generate_preset_pass_manager(optimization_level=0, backend=device).run(bell)

    assert "generate_preset_pass_manager" in told(lambda: EstimatorV2(device).run([(bell, "ZZ")]))
    text = told(lambda: EstimatorV2(device).run([(isa, "ZZ")]))
    assert "for this transpiled circuit, use observable.apply_layout(circuit.layout)" in text


def test_explained_functions_keep_their_signature_and_their_own_errors() -> None:
    """Faults D (weak texts): only calls that cannot begin are explained."""

    @explained(count="did you mean number=?")
    def double(number: int) -> int:
        return number + len(number)  # type: ignore[arg-type]

    wrong: Any = double
    assert list(inspect.signature(double).parameters) == ["number"]
    assert re.search(r"has no len\(\)$", told(lambda: wrong(1), TypeError))
    assert told(lambda: wrong(count=1), TypeError).endswith("'count': did you mean number=?")
