"""One suite of behaviour, run against this package and against the official client, with one server behind both.

Where the two differ, the test asks ``differs`` what to expect of each; the reasons stand in ``DIFFERENCES``.
"""

from __future__ import annotations

import itertools
import json
import math
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qiskit.circuit import ClassicalRegister, Parameter, QuantumCircuit, QuantumRegister
from qiskit.primitives import BaseEstimatorV2, BasePrimitiveJob, BaseSamplerV2, PrimitiveResult
from qiskit.providers import BackendV2
from qiskit.providers.exceptions import QiskitBackendNotFoundError
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.quantum_info import SparsePauliOp
from qiskit.transpiler import generate_preset_pass_manager

from qiskit_rest_primitives.server.embedded import serve

from .conftest import RETIRED

# qiskit-ibm-runtime announces the replacement of its own classes and warns where ours need not.
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Your current pending jobs:UserWarning"),
]

SAMPLER = "executor" if RETIRED else "sampler"
"""The program that samplers run over."""

DIFFERENCES = {
    "backend equality": "Two handles of one device are the same device, so either may be used in its session.",
    "result kept": "The result is downloaded and decoded once; asking again gives the same object.",
    "private result kept": "The result of a private job is kept by the handle that read it: it can be read only once.",
    "nested sessions": "Leaving an inner session restores the outer one instead of none.",
    "aware times": "An aware time is that instant in every zone; the official client rereads it as local time.",
    "skip past the end": "Skipping more jobs than there are gives none; the official client asks without end.",
    "register names": "Registers of any name come back under it; the official client refuses keywords.",
    "max_time type": "A max_time of another type is refused by name before any request.",
    "session of equal backend": "A second handle of the session's device runs in the session.",
    "negative shots": "default_shots below 1 is refused when it is set.",
    "configuration keys": "Every key of the configuration is an attribute of the backend.",
    "twirled fractional gates": "Twirling a circuit with fractional gates is refused before it is sent; else it fails.",
    "options assignment": "primitive.options can be assigned, as the newer primitives of the official client allow.",
    "no tags": "job.tags of a job without tags is an empty list, as that of a job found by its id, not None.",
    "error type": "Refused options raise IBMInputValueError, a ValueError, where pydantic's own error was raised.",
}


@pytest.fixture(scope="module", params=["ours", "official"])
def client(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module")
def heron(client: Any) -> Any:
    return client.service.backend("local_heron")


@pytest.fixture(scope="module")
def aer(client: Any) -> Any:
    return client.service.backend("aer_simulator")


def differs(client: Any, what: str, *, ours: Any, official: Any) -> Any:
    """Return what to expect of this client in a listed difference."""
    assert what in DIFFERENCES
    return ours if client.ours else official


def isa(backend: Any, circuit: QuantumCircuit) -> QuantumCircuit:
    return generate_preset_pass_manager(1, backend=backend, seed_transpiler=3).run(circuit)


def bell(name: str = "meas") -> QuantumCircuit:
    register = ClassicalRegister(2, name)
    circuit = QuantumCircuit(QuantumRegister(2, "q"), register, metadata={"mark": 7})
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure([0, 1], register)
    return circuit


def turn() -> QuantumCircuit:
    circuit = QuantumCircuit(1)
    circuit.ry(Parameter("θ"), 0)
    return circuit


def test_every_difference_is_used() -> None:
    source = Path(__file__).read_text(encoding="utf-8")

    assert set(re.findall(r'differs\(\s*client, "([^"]+)"', source)) == set(DIFFERENCES)


# -- service -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wish", "names"),
    [
        ({}, ["aer_simulator", "local_heron"]),
        ({"name": "local_heron"}, ["local_heron"]),
        ({"min_num_qubits": 200}, ["aer_simulator"]),
        ({"simulator": False}, ["local_heron"]),
        ({"operational": True, "simulator": True}, ["aer_simulator"]),
        ({"filters": lambda b: "heron" in b.name}, ["local_heron"]),
        ({"dynamic_circuits": True, "simulator": False}, ["local_heron"]),
        ({"no_such_attribute": 1}, []),
    ],
    ids=["all", "name", "qubits", "device", "online", "filter", "dynamic", "unknown"],
)
def test_backends_are_listed(client: Any, wish: dict[str, Any], names: list[str]) -> None:
    assert sorted(backend.name for backend in client.service.backends(**wish)) == names


def test_a_backend_that_is_not_there(client: Any) -> None:
    with pytest.raises(QiskitBackendNotFoundError):
        client.service.backend("no_such_backend")
    with pytest.raises(QiskitBackendNotFoundError):
        client.service.least_busy(min_num_qubits=10_000)


def test_the_least_busy(client: Any) -> None:
    assert client.service.least_busy(operational=True, simulator=False).name == "local_heron"


def test_the_least_busy_with_fractional_gates_has_some(clients: Any) -> None:
    """The shortest queue of all is that of a device without any, which comes first where the others are equal."""
    plain = GenericBackendV2(2, basis_gates=["id", "rz", "sx", "x", "cz"], seed=1)
    with serve(backends=[plain, "local_heron"]) as server:
        for client in clients(server.endpoint):
            names = [
                client.service.least_busy(use_fractional_gates=wish, simulator=False).name
                for wish in (True, False, None)
            ]
            assert names == ["local_heron", plain.name, plain.name]
    with serve(backends=[plain]) as server:
        for client in clients(server.endpoint):
            with pytest.raises(QiskitBackendNotFoundError):
                client.service.least_busy(use_fractional_gates=True)


def test_account_instance_and_usage(client: Any, shared: Any) -> None:
    assert client.service.active_instance() == shared.instance
    assert [set(one) >= {"crn", "plan", "name", "tags", "pricing_type"} for one in client.service.instances()]
    account = client.service.active_account()
    assert (account["token"], account["instance"]) == (shared.token, shared.instance)
    assert {"usage_consumed_seconds", "instance_id"} <= set(client.service.usage())


def test_a_job_that_is_not_there(client: Any) -> None:
    with pytest.raises(client.RuntimeJobNotFound):
        client.service.job("no-such-job")
    with pytest.raises(client.RuntimeJobNotFound):
        client.service.delete_job("no-such-job")


# -- backend -------------------------------------------------------------------------------------------------


def test_a_backend_is_complete(client: Any, heron: Any) -> None:
    assert isinstance(heron, BackendV2)
    assert isinstance(heron, client.IBMBackend)
    assert (heron.name, heron.num_qubits, heron.version, heron.max_circuits) == ("local_heron", 156, 2, None)
    assert heron.dt == pytest.approx(4e-9)
    assert "cz" in heron.operation_names
    assert "rzz" not in heron.operation_names
    assert heron.coupling_map.is_connected()
    assert heron.service is client.service
    assert heron() is heron
    assert heron.status().operational
    assert heron.status().pending_jobs == 0
    assert heron.configuration().n_qubits == 156
    assert heron.basis_gates == heron.configuration().basis_gates
    assert heron.simulator is False
    assert "dynamic_circuits" in heron.configuration().supported_features
    assert hasattr(heron, "supported_features") is differs(
        client, "configuration keys", ours=True, official=False
    )
    with pytest.raises(AttributeError):
        heron.no_such_key  # noqa: B018
    with pytest.raises(client.IBMBackendError):
        heron.run()


def test_calibration_data(client: Any, heron: Any, aer: Any) -> None:
    properties = heron.properties()

    assert 1e-5 < properties.t1(0) < 1e-3
    assert 0 < properties.readout_error(5) < 0.1
    assert 0 < properties.gate_error("sx", 3) < 0.01
    assert properties.gate_length("sx", 3) == pytest.approx(heron.target["sx"][(3,)].duration)
    assert properties.last_update_date.tzinfo is not None
    assert aer.properties() is None
    assert heron.properties(datetime=datetime.now(timezone.utc)).t1(0) == properties.t1(0)
    for wrong in ({"refresh": 1}, {"datetime": "today"}):
        with pytest.raises(TypeError):
            heron.properties(**wrong)


def test_entries_of_the_documents_are_read_by_name(client: Any, heron: Any) -> None:
    properties, configuration = heron.properties(), heron.configuration()

    values = {entry.name: (entry.value, entry.unit) for entry in properties.qubits[3]}
    assert values["T1"] == (pytest.approx(properties.t1(3) * 1e6), "us")
    assert isinstance(properties.qubits[3][0].date, datetime)
    gate = next(gate for gate in properties.gates if gate.gate == "cz")
    parameters = {entry.name: entry.value for entry in gate.parameters}
    assert parameters["gate_error"] == properties.gate_error("cz", gate.qubits)
    assert gate.to_dict()["parameters"][0]["name"] in parameters
    names = {entry.name: entry.parameters for entry in configuration.gates}
    assert len(names["rz"]) == 1
    assert configuration.to_dict()["backend_name"] == properties.to_dict()["backend_name"] == "local_heron"


def test_fractional_gates(client: Any) -> None:
    for wish in (True, None):
        names = client.service.backend("local_heron", use_fractional_gates=wish).operation_names
        assert {"rx", "rzz"} <= set(names)


def test_handles_of_one_device(client: Any, heron: Any) -> None:
    another = client.service.backend("local_heron")

    assert (heron == another) is differs(client, "backend equality", ours=True, official=False)


# -- sampler -------------------------------------------------------------------------------------------------


def test_samples_have_shape_shots_and_names(client: Any, heron: Any) -> None:
    swept = turn()
    swept.measure_all()
    pubs = [
        isa(heron, bell("two")),
        (isa(heron, swept), [[[0.0]], [[math.pi]], [[1.0]]]),
        (isa(heron, bell()), None, 50),
    ]

    job = client.SamplerV2(mode=heron).run(pubs[:2], shots=200)
    result = job.result()

    assert isinstance(job, BasePrimitiveJob)
    assert isinstance(result, PrimitiveResult)
    assert isinstance(client.SamplerV2(heron), BaseSamplerV2)
    assert list(result[0].data) == ["two"]
    two, meas = result[0].data.two, result[1].data.meas
    assert (two.shape, two.num_shots, two.num_bits) == ((), 200, 2)
    assert (meas.shape, meas.num_shots, meas.num_bits) == ((3, 1), 200, 1)
    counts = two.get_counts()
    assert counts["00"] + counts["11"] > 170
    assert meas.get_counts((0, 0))["0"] > 180 < meas.get_counts((1, 0))["1"]
    assert result[0].metadata["circuit_metadata"] == {"mark": 7}
    assert result.metadata["version"] == 2
    (span,) = list(result.metadata["execution"]["execution_spans"])[:1]
    assert span.mask(0).shape == (200,)
    assert result[0].join_data().num_bits == 2
    assert client.SamplerV2(heron).run(pubs[2:]).result()[0].data.meas.num_shots == 50


def test_the_spans_of_large_pubs_cover_every_shot_once_one_after_another(client: Any, heron: Any) -> None:
    angle = Parameter("angle")
    circuit = QuantumCircuit(1)
    circuit.rx(angle, 0)
    circuit.measure_all()
    sets, twirled = np.linspace(0, 1, 24).reshape(4, 6), isa(heron, bell())
    sampler = client.SamplerV2(heron, options={"twirling": {"enable_measure": True}})

    spans = (
        sampler.run([(isa(heron, circuit), sets, 64), (twirled, None, 2048)])
        .result()
        .metadata["execution"]["execution_spans"]
    )

    assert spans.pub_idxs == [0, 1]
    assert {type(span).__name__ for span in spans} == {"TwirledSliceSpanV2"}
    assert list(spans) == list(spans.sort(inplace=False))
    for pub, shape in enumerate([(4, 6, 64), (2048,)]):
        masks = [span.mask(pub) for span in spans if span.contains_pub(pub)]
        assert len(masks) > 1
        assert (np.sum(masks, axis=0) == np.ones(shape)).all()
    assert all(one.start < one.stop <= other.start for one, other in itertools.pairwise(spans))


def test_shots_come_from_the_pub_then_the_call_then_the_options_then_the_service(
    client: Any, heron: Any
) -> None:
    circuit = isa(heron, bell())

    def shots(pub: Any, call: int | None, options: dict[str, Any] | None) -> int:
        job = client.SamplerV2(heron, options=options).run([pub], shots=call)
        return job.result()[0].data.meas.num_shots

    assert shots((circuit, None, 10), 20, {"default_shots": 30}) == 10
    assert shots(circuit, 20, {"default_shots": 30}) == 20
    assert shots(circuit, None, {"default_shots": 30}) == 30
    assert shots(circuit, None, None) == 4096


def test_metadata_of_a_pub(client: Any, heron: Any) -> None:
    metadata = client.SamplerV2(heron).run([isa(heron, bell())], shots=5).result()[0].metadata

    assert metadata["circuit_metadata"] == {"mark": 7}
    assert metadata["shots"] == 5


def test_no_pubs(client: Any, heron: Any) -> None:
    assert len(client.SamplerV2(heron).run([]).result()) == 0


@pytest.mark.filterwarnings("ignore:These options have no effect:UserWarning")
def test_a_twirled_job_has_exactly_the_shots_asked_for(client: Any, heron: Any) -> None:
    options = {"twirling": {"enable_gates": True, "enable_measure": True}}

    job = client.SamplerV2(heron, options=options).run([isa(heron, bell())], shots=33)

    # Over ``executor`` they are whole randomizations, as with IBM's client-side primitives.
    assert job.result()[0].data.meas.num_shots == (64 if RETIRED else 33)


@pytest.mark.parametrize("name", ["for", "qubit", "_a1"])
def test_register_names(client: Any, heron: Any, name: str) -> None:
    run = client.SamplerV2(heron).run
    refused = differs(client, "register names", ours=False, official=name == "for")

    if refused:
        with pytest.raises(client.IBMInputValueError):
            run([isa(heron, bell(name))])
    else:
        assert run([isa(heron, bell(name))], shots=3).result()[0].data[name].num_shots == 3


@pytest.mark.parametrize(
    ("pubs", "shots", "error"),
    [
        (bell(), None, ValueError),
        ([(bell(), [1.0])], None, ValueError),
        ([turn()], None, ValueError),
        ([bell()], 0, ValueError),
        ([bell()], -1, ValueError),
        ([bell()], 1.5, TypeError),
        ([bell()], None, ValueError),  # not for the device
    ],
    ids=["bare", "too many values", "no values", "no shots", "negative", "float", "not isa"],
)
def test_pubs_that_make_no_sense_are_refused(
    client: Any, heron: Any, pubs: Any, shots: Any, error: type[Exception]
) -> None:
    with pytest.raises(error):
        client.SamplerV2(heron).run(pubs, shots=shots)


# -- estimator -----------------------------------------------------------------------------------------------


def test_expectation_values_broadcast(client: Any, heron: Any) -> None:
    circuit = isa(heron, turn())
    z, x = (SparsePauliOp(name).apply_layout(circuit.layout) for name in "ZX")

    estimator = client.EstimatorV2(mode=heron)
    job = estimator.run([(circuit, [[z], [x]], [[0.0], [math.pi / 2], [math.pi]])], precision=0.03)
    result = job.result()

    assert isinstance(estimator, BaseEstimatorV2)
    evs, stds = result[0].data.evs, result[0].data.stds
    assert evs.shape == stds.shape == (2, 3)
    assert evs.dtype == stds.dtype == np.float64
    np.testing.assert_allclose(evs, [[1, 0, -1], [0, 1, 0]], atol=0.2)
    assert result[0].metadata["target_precision"] == 0.03
    assert result[0].metadata["shots"] >= 1 / 0.03**2
    assert result.metadata["version"] == 2


def test_precision_comes_from_the_pub_then_the_call_then_the_options(client: Any, heron: Any) -> None:
    circuit = isa(heron, QuantumCircuit(1))
    z = SparsePauliOp("Z").apply_layout(circuit.layout)

    def precision(pub: Any, call: float | None, options: dict[str, Any] | None) -> float:
        job = client.EstimatorV2(heron, options=options).run([pub], precision=call)
        return job.result()[0].metadata["target_precision"]

    options = {"default_precision": 0.3}
    assert precision((circuit, z, None, 0.1), 0.2, options) == 0.1
    assert precision((circuit, z), 0.2, options) == 0.2
    assert precision((circuit, z), None, options) == 0.3
    assert precision((circuit, z), None, None) == 0.015625


def test_a_scalar_pub_has_scalar_values(client: Any, heron: Any) -> None:
    circuit = isa(heron, QuantumCircuit(1))

    data = (
        client.EstimatorV2(heron)
        .run([(circuit, {"I" * 155 + "Z": 2.0, "I" * 156: 1.0})], precision=0.1)
        .result()[0]
        .data
    )

    assert np.shape(data.evs) == ()
    assert data.evs == pytest.approx(3, abs=0.6)


@pytest.mark.parametrize(
    ("observable", "precision"),
    [("Z", None), ("Z" * 156, 0), ("Z" * 156, -0.1), ("Q" * 156, None), ([], None)],
)
def test_observables_that_make_no_sense_are_refused(
    client: Any, heron: Any, observable: Any, precision: Any
) -> None:
    with pytest.raises(ValueError):
        client.EstimatorV2(heron).run([(isa(heron, QuantumCircuit(1)), observable)], precision=precision)


def test_angles_outside_of_the_range_of_rzz_are_refused(client: Any) -> None:
    backend = client.service.backend("local_heron", use_fractional_gates=True)
    edge = next(iter(backend.target["rzz"]))
    circuit = QuantumCircuit(156, 1)
    angle = Parameter("a")
    circuit.rzz(angle, *edge)
    circuit.measure(edge[0], 0)
    sampler = client.SamplerV2(backend)

    assert sampler.run([(circuit, [[0.1], [1.5]])], shots=2).result()[0].data.c.shape == (2,)
    with pytest.raises(client.IBMInputValueError):
        sampler.run([(circuit, [[0.1], [2.0]])])
    sampler.options.twirling.enable_gates = True
    if differs(client, "twirled fractional gates", ours=True, official=False):
        with pytest.raises(client.IBMInputValueError):
            sampler.run([(circuit, [[0.1]])])
    else:
        with pytest.raises(client.RuntimeJobFailureError):
            sampler.run([(circuit, [[0.1]])]).result()


def test_a_dynamic_circuit_runs_but_not_with_decoupling(client: Any, heron: Any) -> None:
    circuit = QuantumCircuit(2, 2)
    circuit.x(0)
    circuit.measure(0, 0)
    with circuit.if_test((0, 1)):
        circuit.x(1)
    circuit.measure(1, 1)
    sampler = client.SamplerV2(heron)

    counts = sampler.run([isa(heron, circuit)], shots=200).result()[0].data.c.get_counts()

    assert counts["11"] > 160
    sampler.options.dynamical_decoupling.enable = True
    with pytest.raises(client.IBMInputValueError):
        sampler.run([isa(heron, circuit)])


# -- options -------------------------------------------------------------------------------------------------


def test_options_are_set_in_every_way(client: Any, heron: Any) -> None:
    options = client.SamplerOptions(default_shots=12)
    options.twirling.enable_gates = True
    options.dynamical_decoupling = {"enable": True, "sequence_type": "XY4"}
    sampler = client.SamplerV2(heron, options=options)
    sampler.options.update(execution={"init_qubits": False}, max_execution_time=100)

    assert sampler.options.default_shots == 12
    assert sampler.options.twirling.enable_gates is True
    assert sampler.options.dynamical_decoupling.sequence_type == "XY4"
    assert (sampler.options.execution.init_qubits, sampler.options.max_execution_time) == (False, 100)
    assert not sampler.options.twirling.strategy
    assert client.SamplerOptions(default_shots=3) == client.SamplerOptions(default_shots=3)
    assert client.SamplerOptions(default_shots=3) != client.SamplerOptions(default_shots=4)
    if differs(client, "options assignment", ours=True, official=False):
        sampler.options = {"default_shots": 5}
        assert sampler.options.default_shots == 5
    else:
        with pytest.raises(AttributeError):
            sampler.options = {"default_shots": 5}


@pytest.mark.parametrize(
    "options",
    [
        {"no_such_option": 1},
        {"twirling": {"no_such_option": 1}},
        {"resilience_level": 3},
        {"default_precision": -1.0},
        {"dynamical_decoupling": {"sequence_type": "XZX"}},
        {"resilience": {"zne": {"noise_factors": [0.5, 1]}}},
        {"resilience": {"pec_mitigation": True, "zne_mitigation": True}},
    ],
    ids=json.dumps,
)
def test_options_that_make_no_sense_are_refused(client: Any, heron: Any, options: dict[str, Any]) -> None:
    with pytest.raises(ValueError) as caught:
        client.EstimatorV2(heron, options=options)

    assert isinstance(caught.value, client.IBMInputValueError) is differs(
        client, "error type", ours=True, official=False
    )


def test_no_shots_by_default(client: Any) -> None:
    if differs(client, "negative shots", ours=True, official=False):
        with pytest.raises(ValueError, match="default_shots"):
            client.SamplerOptions(default_shots=-1)
    else:
        assert client.SamplerOptions(default_shots=-1).default_shots == -1


@pytest.mark.parametrize("wrong", ["local_heron", 5, object()], ids=["name", "number", "object"])
def test_a_mode_that_is_nowhere(client: Any, wrong: Any) -> None:
    with pytest.raises(ValueError):
        client.SamplerV2(mode=wrong)
    with pytest.raises(ValueError):
        client.SamplerV2()


def test_options_of_another_class(client: Any, heron: Any) -> None:
    with pytest.raises(TypeError):
        client.SamplerV2(heron, options=3)


# -- jobs ----------------------------------------------------------------------------------------------------


def test_everything_about_a_finished_job(client: Any, heron: Any) -> None:
    before = datetime.now(timezone.utc) - timedelta(seconds=5)
    sampler = client.SamplerV2(heron, options={"environment": {"job_tags": ["behaviour"]}})
    job = sampler.run([isa(heron, bell())], shots=30)
    job.wait_for_final_state(timeout=600)

    assert isinstance(job, client.RuntimeJobV2)
    assert isinstance(job.job_id(), str)
    assert job.status() == "DONE"
    assert (job.done(), job.running(), job.cancelled(), job.errored(), job.in_final_state()) == (
        True, False, False, False, True,
    )  # fmt: skip
    assert (job.primitive_id, job.session_id, job.private, job.error_message()) == (
        SAMPLER, None, False, None,
    )  # fmt: skip
    assert job.backend().name == "local_heron"
    assert job.tags == ["behaviour"]
    assert job.creation_date > before
    assert {"created", "running", "finished"} <= set(job.metrics()["timestamps"])
    assert job.usage() > 0
    assert "quantum_seconds" in job.usage_estimation
    assert isinstance(job.logs(), str)
    assert job.properties().t1(0) > 0
    if not RETIRED:  # programs of ``executor`` hold circuits, and what comes back with them
        assert job.inputs["pubs"][0][0].num_qubits == 156
        assert job.inputs["pubs"][0][0].metadata == {"mark": 7}
    assert job.update_tags(["other"]) == ["other"]
    assert client.service.job(job.job_id()).tags == ["other"]
    with pytest.raises(client.RuntimeInvalidStateError):
        job.cancel()
    first, second = job.result(), job.result()
    assert (first is second) is differs(client, "result kept", ours=True, official=False)
    again = client.service.job(job.job_id()).result()
    assert again[0].data.meas.get_counts() == first[0].data.meas.get_counts()
    assert again[0].metadata == first[0].metadata


def test_a_job_without_tags(client: Any, heron: Any) -> None:
    job = client.SamplerV2(heron).run([isa(heron, bell())], shots=3)

    assert job.tags == differs(client, "no tags", ours=[], official=None)


def test_a_failed_job_tells_why(client: Any, aer: Any) -> None:
    circuit = QuantumCircuit(1, 1)
    circuit.measure(0, 0)
    sampler = client.SamplerV2(aer, options={"simulator": {"noise_model": {"errors": "nonsense"}}})
    job = sampler.run([circuit])

    with pytest.raises(client.RuntimeJobFailureError) as caught:
        job.result()
    assert job.status() == "ERROR"
    assert job.errored()
    assert job.error_message()
    assert "noise" in str(caught.value)


def test_jobs_are_found(client: Any, heron: Any) -> None:
    tag = f"found-by-{'us' if client.ours else 'them'}"
    sampler = client.SamplerV2(heron, options={"environment": {"job_tags": [tag]}})
    ids = []
    for _ in range(3):
        ids.append(sampler.run([isa(heron, bell())], shots=3).job_id())
        client.service.job(ids[-1]).wait_for_final_state()

    def found(**wish: Any) -> list[str]:
        return [job.job_id() for job in client.service.jobs(job_tags=[tag], **wish)]

    assert found() == ids[::-1]
    assert found(limit=2) == ids[:0:-1]
    assert found(limit=None, descending=False) == ids
    assert found(skip=1) == ids[-2::-1]
    assert found(pending=True) == []
    assert found(pending=False, program_id=SAMPLER, backend_name="local_heron") == ids[::-1]
    assert found(program_id="estimator") == []
    assert found(created_after=datetime.now() - timedelta(minutes=5)) == ids[::-1]
    assert found(created_before=datetime.now() - timedelta(minutes=5)) == []
    if differs(client, "skip past the end", ours=True, official=False):
        assert found(skip=1000) == []
    with pytest.raises(client.IBMInputValueError):
        client.service.jobs(job_tags="no list")

    client.service.delete_job(ids[0])

    assert found() == ids[:0:-1]
    with pytest.raises(client.RuntimeJobNotFound):
        client.service.job(ids[0])


def test_aware_times(client: Any, heron: Any) -> None:
    client.SamplerV2(heron).run([isa(heron, bell())], shots=3)
    here = datetime.now().astimezone().utcoffset() or timedelta()
    soon = datetime.now(timezone(here - timedelta(hours=5))) + timedelta(minutes=1)

    found = client.service.jobs(created_after=soon)

    # The official client takes what that clock shows, five hours less, for the time here.
    assert bool(found) is differs(client, "aware times", ours=False, official=True)


def test_a_private_result_is_read_once(client: Any, heron: Any) -> None:
    sampler = client.SamplerV2(heron, options={"environment": {"private": True}})
    job = sampler.run([isa(heron, bell())], shots=7)

    assert job.private
    assert job.result()[0].data.meas.num_shots == 7
    if differs(client, "private result kept", ours=True, official=False):
        assert job.result()[0].data.meas.num_shots == 7
    else:
        with pytest.raises(Exception):  # noqa: B017 - whatever the decoder makes of an empty answer
            assert job.result()[0].data.meas.num_shots == 7


# -- sessions ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "mode"), [("Session", "dedicated"), ("Batch", "batch")])
def test_the_life_of_a_session(client: Any, heron: Any, kind: str, mode: str) -> None:
    make = getattr(client, kind)
    with make(backend=heron, max_time="25m") as session:
        assert session.status() == "Pending"
        sampler = client.SamplerV2()
        assert sampler.mode is session
        assert sampler.backend().name == session.backend() == "local_heron"
        job = sampler.run([isa(heron, bell())], shots=5)
        job.result()
        assert job.session_id == session.session_id
        assert session.status() == "In progress, accepting new jobs"
        details = session.details()
        assert (details["mode"], details["max_time"], details["backend_name"]) == (mode, 1500, "local_heron")
        assert (details["id"], details["state"], details["accepting_jobs"]) == (
            session.session_id,
            "active",
            True,
        )
    assert session.status() == "Closed"
    assert session.usage() >= 0
    with pytest.raises(client.IBMRuntimeError, match="The session is closed"):
        sampler.run([isa(heron, bell())])
    again = make.from_id(session.session_id, client.service)
    assert (again.session_id, again.status()) == (session.session_id, "Closed")
    other = client.Batch if kind == "Session" else client.Session
    with pytest.raises(client.IBMInputValueError):
        other.from_id(session.session_id, client.service)
    assert [found.job_id() for found in client.service.jobs(session_id=session.session_id)] == [job.job_id()]


def test_closing_twice(client: Any, heron: Any) -> None:
    session = client.Session(heron)
    session.close()
    session.close()

    assert session.status() == "Closed"


def test_a_session_closes_after_an_exception(client: Any, heron: Any) -> None:
    with pytest.raises(ZeroDivisionError), client.Session(heron) as session:
        1 / 0  # noqa: B018

    assert session.status() == "Closed"
    with pytest.raises(ValueError):
        client.SamplerV2()


def test_a_cancelled_session(client: Any, heron: Any) -> None:
    session = client.Session(heron)
    session.cancel()

    assert session.status() == "Closed"
    with pytest.raises(client.IBMRuntimeError):
        client.SamplerV2(mode=session).run([isa(heron, bell())])


def test_nested_sessions(client: Any, heron: Any) -> None:
    with client.Session(heron) as outer:
        with client.Batch(heron) as inner:
            assert client.SamplerV2().mode is inner
        if differs(client, "nested sessions", ours=True, official=False):
            assert client.SamplerV2().mode is outer
        else:
            with pytest.raises(ValueError):
                client.SamplerV2()


def test_threads_of_a_session(client: Any, heron: Any) -> None:
    circuit = isa(heron, bell())
    with client.Session(heron) as session, ThreadPoolExecutor(2) as pool:
        sampler = client.SamplerV2()
        jobs = list(pool.map(lambda _: sampler.run([circuit], shots=3), range(4)))
        explicit = pool.submit(lambda: client.SamplerV2(mode=session).run([circuit], shots=3)).result()
        with pytest.raises(ValueError):
            pool.submit(client.SamplerV2).result()
        for job in [*jobs, explicit]:
            assert job.result()[0].data.meas.num_shots == 3
            assert job.session_id == session.session_id


def test_a_backend_in_a_session(client: Any, heron: Any, aer: Any) -> None:
    with client.Session(heron) as session:
        assert client.SamplerV2(mode=heron).mode is session
        with pytest.raises(ValueError):
            client.SamplerV2(mode=aer)
        same = client.service.backend("local_heron")
        if differs(client, "session of equal backend", ours=True, official=False):
            assert client.SamplerV2(mode=same).mode is session
        else:
            with pytest.raises(ValueError):
                client.SamplerV2(mode=same)
    outside = client.SamplerV2(mode=heron)
    assert outside.mode is None


@pytest.mark.parametrize("text", ["25 parsecs", "m"])
def test_a_max_time_that_makes_no_sense(client: Any, heron: Any, text: str) -> None:
    with pytest.raises(client.IBMInputValueError):
        client.Session(heron, max_time=text)
    with pytest.raises(TypeError) as caught:
        client.Session(heron, max_time=1.5)
    assert ("max_time" in str(caught.value)) is differs(client, "max_time type", ours=True, official=False)


def test_a_session_that_is_not_there(client: Any) -> None:
    with pytest.raises(client.IBMInputValueError):
        client.Session.from_id("no-such-session", client.service)
    with pytest.raises(ValueError):
        client.Session("local_heron")
    with pytest.raises(TypeError):
        client.Session()


# -- what results hold, and what becomes of them -----------------------------------------------------------------


def test_results_survive_a_file(client: Any, heron: Any, aer: Any) -> None:
    swept = turn()
    swept.measure_all()
    sampled = client.SamplerV2(heron).run([(isa(heron, swept), [[0.1], [0.2]])], shots=20).result()
    estimated = client.EstimatorV2(aer).run([(turn(), [["Z"], ["X"]], [0.3, 0.4])], precision=0.1).result()

    for result in (sampled, estimated):
        again = json.loads(json.dumps(result, cls=client.RuntimeEncoder), cls=client.RuntimeDecoder)
        assert isinstance(again, PrimitiveResult)
        assert again[0].metadata == result[0].metadata
        assert again.metadata["version"] == 2
        for name, value in result[0].data.items():
            assert np.array_equal(
                getattr(value, "array", value), getattr(again[0].data[name], "array", again[0].data[name])
            )


def test_several_registers(client: Any, aer: Any) -> None:
    low, high = ClassicalRegister(2, "low"), ClassicalRegister(1, "high")
    circuit = QuantumCircuit(QuantumRegister(3, "q"), low, high)
    circuit.x([1, 2])
    circuit.measure([0, 1, 2], [*low, *high])

    pub = client.SamplerV2(aer).run([circuit], shots=7).result()[0]

    assert list(pub.data) == ["low", "high"]
    assert (pub.data.low.get_counts(), pub.data.high.get_counts()) == ({"10": 7}, {"1": 7})
    assert pub.join_data(["high", "low"]).get_counts() == {"101": 7}


@pytest.mark.parametrize(("kind", "shape"), [("kerneled", (9, 2)), ("avg_kerneled", (2,))])
def test_analog_readings(client: Any, heron: Any, kind: str, shape: tuple[int, ...]) -> None:
    sampler = client.SamplerV2(heron, options={"execution": {"meas_type": kind}})

    data = sampler.run([isa(heron, bell())], shots=9).result()[0].data.meas

    assert (data.shape, data.dtype) == (shape, np.complex128)


def test_extrapolated_values_come_with_what_they_were_made_of(client: Any, heron: Any) -> None:
    circuit = isa(heron, turn())
    z = SparsePauliOp("Z").apply_layout(circuit.layout)
    estimator = client.EstimatorV2(heron, options={"resilience_level": 0, "default_shots": 1000})
    estimator.options.resilience.zne_mitigation = True
    estimator.options.resilience.zne.noise_factors = (1, 3)
    estimator.options.resilience.zne.extrapolator = "linear"

    pub = estimator.run([(circuit, [[z], [z]], [0.2, 0.4])]).result()[0]

    assert pub.data.evs.shape == pub.data.stds.shape == pub.data.ensemble_standard_error.shape == (2, 2)
    assert pub.data.evs_noise_factors.shape == pub.data.stds_noise_factors.shape == (2, 2, 2)
    assert pub.data.evs_extrapolated.shape[:2] == pub.data.stds_extrapolated.shape[:2] == (2, 2)
    np.testing.assert_allclose(pub.data.evs[0], np.cos([0.2, 0.4]), atol=0.4)
    assert pub.metadata["resilience"]["zne"]["noise_factors"] == [1, 3]


@pytest.mark.parametrize("observable", ["0", "+", "r", {"Z": 2.0, "1": -1.0}], ids=str)
def test_projectors_are_refused_by_the_older_official_family_only(
    client: Any, aer: Any, observable: Any
) -> None:
    estimator = client.EstimatorV2(aer)
    if client.ours:
        assert estimator.run([(QuantumCircuit(1), observable)]).result()[0].data.evs.shape == ()
        return
    with pytest.raises(client.IBMInputValueError):
        estimator.run([(QuantumCircuit(1), observable)])


# -- jobs that do not end well -----------------------------------------------------------------------------------


def test_waiting_has_a_limit_and_a_job_can_be_cancelled(client: Any, heron: Any) -> None:
    wide = QuantumCircuit(heron.num_qubits, 24)
    for _ in range(12):
        wide.sx(range(24))
        for edge in [(q, q + 1) for q in range(0, 15, 2)] + [(q, q + 1) for q in range(1, 14, 2)]:
            wide.cz(*edge)
    wide.measure(range(24), range(24))
    job = client.SamplerV2(heron).run([isa(heron, wide)], shots=20_000)

    with pytest.raises(client.RuntimeJobTimeoutError):
        job.wait_for_final_state(timeout=0.05)
    job.cancel()

    job.wait_for_final_state(timeout=600)
    assert (job.status(), job.cancelled(), job.done()) == ("CANCELLED", True, False)
    with pytest.raises(client.RuntimeInvalidStateError):
        job.result()


def test_a_dry_run_is_answered_by_the_mock_of_the_device(client: Any, heron: Any) -> None:
    job = client.SamplerV2(heron).run([isa(heron, bell())], shots=11, dry_run=True)

    assert job.result()[0].data.meas.num_shots == 11
    assert job.backend().is_mock
    names = [backend.name for backend in client.service.backends(include_mocks=True)]
    assert {"local_heron", job.backend().name} <= set(names)


def test_targets_of_former_days(client: Any, heron: Any) -> None:
    target = heron.target_history(datetime=datetime.now())

    assert target.num_qubits == heron.target.num_qubits
    assert set(target.operation_names) == set(heron.target.operation_names)
    heron.refresh()
    assert heron.target["sx"][(0,)].error == target["sx"][(0,)].error


def test_a_job_is_read_by_a_decoder_of_ones_own(client: Any, aer: Any) -> None:
    home = "decoders" if client.ours else "decoders.result_decoder"
    base = import_module(f"{client.package.__name__}.{home}").ResultDecoder
    circuit = QuantumCircuit(1, 1)
    circuit.measure(0, 0)

    class Counting(base):
        @classmethod
        def decode(cls, data: Any) -> Any:
            return super().decode(data), len(data)

    decoded, size = client.SamplerV2(aer).run([circuit], shots=3).result(decoder=Counting)

    if RETIRED:  # the arrays themselves
        assert decoded[0]["c"].shape == (3, 1)
    else:
        assert decoded[0].metadata["shots"] == 3
    assert size > 10
