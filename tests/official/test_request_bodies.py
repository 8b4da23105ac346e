"""What both clients post for the same PUBs means the same: live requests, taken at the server, decoded and compared."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit import Parameter, ParameterVector
from qiskit.primitives.containers.bindings_array import BindingsArray
from qiskit.primitives.containers.estimator_pub import EstimatorPub
from qiskit.primitives.containers.sampler_pub import SamplerPub
from qiskit.quantum_info import Operator, SparsePauliOp
from qiskit_aer import AerSimulator

from qiskit_rest_primitives.qasm.codec import load_map
from qiskit_rest_primitives.server.devices.device import load_device
from qiskit_rest_primitives.server.embedded import serve
from qiskit_rest_primitives.server.primitives.jobs import JobOutput
from qiskit_rest_primitives.wire.pubs import load_estimator_pub, load_sampler_pub

pytestmark = pytest.mark.filterwarnings(  # the official client's, which still does what it warns of
    "ignore:The (Sampler|Estimator)V2 class is deprecated:DeprecationWarning",
    "ignore:Specifying different:DeprecationWarning",
)

FORMATS = ["qasm3", "qpy"]
V = tuple(f"v[{index}]" for index in range(12))


@pytest.fixture(scope="module")
def posted() -> list[dict[str, Any]]:
    """The params of the requests so far, as they came."""
    return []


@pytest.fixture(scope="module")
def shared(posted: list[dict[str, Any]]) -> Iterator[Any]:
    def keep(program_id: str, params: bytes, _: Any) -> JobOutput:
        posted.append({"program_id": program_id, **json.loads(params)})
        return JobOutput(b"{}", 0.01, 1)

    with serve([load_device("aer_simulator")], settings=lambda s: replace(s, execute=keep)) as server:
        yield server.endpoint


Ask = Callable[..., tuple[dict[str, Any], dict[str, Any]]]


@pytest.fixture
def ask(official: Any, ours: Any, posted: list[dict[str, Any]]) -> Ask:
    """Run PUBs with both clients; return the params that ours and the official one posted."""

    def run(
        kind: str, pubs: list[Any], options: dict[str, Any], circuit_format: str, **arguments: Any
    ) -> Any:
        sent = []
        for client in (ours, official):
            own = {"circuit_format": circuit_format} if client.ours else {}
            primitive = getattr(client, kind)(
                mode=client.service.backend("aer_simulator"), options={**options, **own}
            )
            before = len(posted)
            job = primitive.run(pubs, **arguments)
            job.wait_for_final_state()
            (params,) = posted[before:]
            sent.append(params)
        return tuple(sent)

    return run


def vector_circuit(*, measured: bool) -> QuantumCircuit:
    """Return an ISA circuit whose parameters sort differently by name and by number, in two registers."""
    angles = ParameterVector("v", 12)
    circuit = QuantumCircuit(
        QuantumRegister(3, "q"), ClassicalRegister(1, "alpha"), ClassicalRegister(2, "Beta")
    )
    for index, angle in enumerate(angles):
        circuit.rx(angle if index % 3 else 2 * angle + 0.25, index % 3)
        circuit.cz(index % 3, (index + 1) % 3)
    circuit.rz(Parameter("θ"), 1)
    circuit.sx(1)
    if measured:
        circuit.measure(0, 0)
        circuit.measure([1, 2], [1, 2])
        return circuit
    return _bare(circuit)


def _bare(circuit: QuantumCircuit) -> QuantumCircuit:
    bare = QuantumCircuit(circuit.num_qubits)
    for step in circuit.data:
        bare.append(step.operation, [circuit.find_bit(qubit).index for qubit in step.qubits])
    return bare


def dynamic_circuit() -> QuantumCircuit:
    circuit = QuantumCircuit(
        QuantumRegister(2, "q"), ClassicalRegister(1, "mid"), ClassicalRegister(2, "end")
    )
    circuit.rx(2.0, 0)
    circuit.measure(0, 0)
    with circuit.if_test((0, True)) as otherwise:
        circuit.rx(1.0, 1)
    with otherwise:
        circuit.x(1)
    circuit.measure([0, 1], [1, 2])
    return circuit


def values(*shape: int, count: int = 13) -> np.ndarray:
    return np.random.default_rng(3).normal(size=(*shape, count))


def sampler_pubs() -> list[Any]:
    circuit = vector_circuit(measured=True)
    names = [parameter.name for parameter in circuit.parameters]
    spread = {tuple(names[:1]): values(4, 1, count=1), tuple(names[1:]): values(4, 2, count=12)}
    return [
        (circuit, values()),
        (circuit, values(3, 2), 77),
        (circuit, values(1)),
        (circuit, values(0)),
        (circuit, values(600)),
        (
            circuit,
            BindingsArray(
                {key: np.broadcast_to(array, (4, 2, array.shape[-1])) for key, array in spread.items()}
            ),
        ),
        (circuit, {"θ": values(5, count=1), V: values(5, count=12)}, 5),
        (dynamic_circuit(), None, 9),
        dynamic_circuit(),
    ]


def estimator_pubs() -> list[Any]:
    circuit = vector_circuit(measured=False)
    weighted = SparsePauliOp.from_list([("ZZI", 0.5), ("XIY", -1.25), ("III", 3.0)])
    return [
        (circuit, "ZZZ", values()),
        (circuit, weighted, values(4)),
        (circuit, [["XYZ"], [{"ZII": 0.1, "IIZ": -2.5}]], values(3), 0.125),
        (circuit, [weighted, "IIX", {"YYY": 1e-3}], values(2, 1)),
        (circuit, {"IIZ": 1 / 3}, {"θ": values(5, count=1), V: values(5, count=12)}, 0.01),
    ]


def decoded(params: dict[str, Any], load: Any, **default: Any) -> list[Any]:
    return [load(item, **default) for item in params["pubs"]]


def read_officially(params: dict[str, Any]) -> list[Any]:
    from qiskit_ibm_runtime import RuntimeDecoder

    return json.loads(json.dumps(params["pubs"]), cls=RuntimeDecoder)


def operators(pub: Any) -> list[Operator]:
    bare = (
        _bare(pub.circuit.remove_final_measurements(inplace=False)) if pub.circuit.num_clbits else pub.circuit
    )
    return [
        Operator(pub.parameter_values.bind(bare, place))
        for place in list(np.ndindex(pub.parameter_values.shape))[:8]
    ]


def counts(circuit: QuantumCircuit) -> list[dict[str, int]]:
    result = AerSimulator(seed_simulator=5).run(circuit, shots=4000).result().get_counts()
    return [dict(result)]


def assert_same_values(mine: Any, theirs: Any, wire: Any) -> None:
    """Assert equal values per parameter of the author's, to the last bit."""
    names = load_map(wire)
    assert names is not None
    assert names.parameters == tuple(parameter.name for parameter in theirs.circuit.parameters)
    inputs = [parameter.name for parameter in mine.circuit.parameters]
    own = mine.parameter_values.as_array(inputs)
    reference = theirs.parameter_values.as_array(names.parameters)
    for position, index in enumerate(names.bare):
        if index >= 0:
            np.testing.assert_array_equal(own[..., position], reference[..., index])
    assert sum(index >= 0 for index in names.bare) >= 9 or not inputs


def assert_same_circuits(mine: Any, theirs: Any) -> None:
    assert mine.circuit.num_qubits == theirs.circuit.num_qubits
    assert [len(register) for register in mine.circuit.cregs] == [
        len(register) for register in theirs.circuit.cregs
    ]
    if any(step.is_control_flow() for step in theirs.circuit.data):
        ((one,), (other,)) = counts(mine.circuit), counts(theirs.circuit)
        for outcome in {
            *one,
            *other,
        }:  # five standard deviations of the difference, and five for rare outcomes
            mean = (one.get(outcome, 0) + other.get(outcome, 0)) / 2
            assert abs(one.get(outcome, 0) - other.get(outcome, 0)) <= 5 * np.sqrt(2 * mean) + 5
        return
    assert all(one.equiv(other) for one, other in zip(operators(mine), operators(theirs), strict=True))


@pytest.mark.filterwarnings("ignore:These options have no effect:UserWarning")
@pytest.mark.parametrize("circuit_format", FORMATS)
def test_sampler_requests_decode_to_the_same_pubs(ask: Ask, circuit_format: str) -> None:
    pubs = sampler_pubs()
    options = {
        "default_shots": 321,
        "twirling": {"enable_measure": True},
        "execution": {"init_qubits": False},
    }

    mine, theirs = ask("SamplerV2", pubs, options, circuit_format)

    own, reference = (decoded(params, load_sampler_pub, shots=321) for params in (mine, theirs))
    assert mine["program_id"] == theirs["program_id"] == "sampler"
    assert mine["options"] == theirs["options"]
    assert mine["version"] == theirs["version"]
    assert len(own) == len(reference) == len(pubs)
    for index, (one, other) in enumerate(zip(own, reference, strict=True)):
        original = SamplerPub.coerce(pubs[index])
        assert one.shape == other.shape == original.shape
        assert one.shots == other.shots == (original.shots or 321)
        assert mine["pubs"][index][2] == theirs["pubs"][index][2]
        assert_same_circuits(one, other)
        assert_same_values(one, other, mine["pubs"][index][0])


@pytest.mark.parametrize("circuit_format", FORMATS)
def test_estimator_requests_decode_to_the_same_pubs(ask: Ask, circuit_format: str) -> None:
    pubs = estimator_pubs()
    options = {
        "resilience_level": 1,
        "resilience": {"zne_mitigation": True},
        "twirling": {"enable_gates": False},
    }

    mine, theirs = ask("EstimatorV2", pubs, options, circuit_format, precision=0.05)

    own, reference = (decoded(params, load_estimator_pub, precision=0.5) for params in (mine, theirs))
    assert mine["program_id"] == theirs["program_id"] == "estimator"
    assert mine["options"] == theirs["options"]
    assert (mine["version"], mine["resilience_level"]) == (theirs["version"], theirs["resilience_level"])
    for index, (one, other) in enumerate(zip(own, reference, strict=True)):
        original = EstimatorPub.coerce(pubs[index], 0.05)
        assert one.shape == other.shape == original.shape
        assert one.precision == other.precision == original.precision
        assert one.observables.tolist() == other.observables.tolist() == original.observables.tolist()
        assert_same_circuits(one, other)
        assert_same_values(one, other, mine["pubs"][index][0])


@pytest.mark.parametrize("kind", ["SamplerV2", "EstimatorV2"])
def test_the_official_decoder_reads_the_same_from_both(ask: Ask, kind: str) -> None:
    pubs = sampler_pubs() if kind == "SamplerV2" else estimator_pubs()

    mine, theirs = map(read_officially, ask(kind, pubs, {}, "qpy"))

    for one, other in zip(mine, theirs, strict=True):
        assert one[0] == other[0]
        assert one[-1] == other[-1]
        if kind == "EstimatorV2":
            assert one[1] == other[1]
        given = BindingsArray.coerce(one[-2]) if one[-2] is not None else BindingsArray()
        names = [parameter.name for parameter in one[0].parameters]
        np.testing.assert_array_equal(given.as_array(names), other[-2])
