"""Local testing mode: a backend object of this process behaves as one of a service."""

from __future__ import annotations

import gc
import logging
import pickle
import re
import subprocess
import sys
import warnings
import weakref
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit, transpile
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.quantum_info import SparsePauliOp
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, ReadoutError, depolarizing_error

from qiskit_rest_primitives import (
    Batch,
    EstimatorV2,
    IBMBackend,
    IBMInputValueError,
    QiskitRuntimeService,
    RequestConnectionError,
    RuntimeJobFailureError,
    RuntimeJobNotFound,
    RuntimeJobV2,
    SamplerV2,
    Session,
)
from qiskit_rest_primitives.server.embedded import stop_embedded
from qiskit_rest_primitives.service.local import hosted


@pytest.fixture(scope="module", autouse=True)
def stopped_in_the_end() -> Iterator[None]:
    yield
    stop_embedded()


@pytest.fixture(scope="module")
def generic() -> GenericBackendV2:
    return GenericBackendV2(3, seed=5)


def bell() -> QuantumCircuit:
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure_all()
    return circuit


def one() -> QuantumCircuit:
    circuit = QuantumCircuit(1)
    circuit.x(0)
    circuit.measure_all()
    return circuit


def counts(job: RuntimeJobV2) -> dict[str, int]:
    found: dict[str, int] = job.result()[0].data.meas.get_counts()
    return found


# -- a job like any other ----------------------------------------------------------------------------------------


def test_a_job_on_an_aer_simulator_is_a_job_of_the_service() -> None:
    aer = AerSimulator()
    sampler = SamplerV2(mode=aer, options={"environment": {"job_tags": ["local testing"]}})

    job = sampler.run([bell()], shots=64)

    assert isinstance(job, RuntimeJobV2)
    assert set(counts(job)) == {"00", "11"}
    assert job.status() == "DONE"
    assert job.tags == ["local testing"]
    assert job.metrics()["timestamps"]["finished"]
    assert job.session_id is None
    assert isinstance(job.backend(), IBMBackend)
    again = QiskitRuntimeService(channel="local").job(job.job_id())
    assert counts(again) == counts(job)
    assert sampler.backend() is aer
    assert sampler.mode is None


def test_an_estimator_runs_on_any_backend_object(generic: GenericBackendV2) -> None:
    isa = transpile(bell().remove_final_measurements(inplace=False), generic, seed_transpiler=1)
    energy = SparsePauliOp(["ZZ", "XX"], [0.5, 0.25]).apply_layout(isa.layout)

    result = EstimatorV2(mode=generic).run([(isa, energy)], precision=0.02).result()[0]

    assert abs(result.data.evs - 0.75) < 5 * 0.02 + 0.05
    assert result.metadata["target_precision"] == 0.02


def test_circuits_that_are_not_transpiled_are_refused_by_a_device_and_welcome_on_aer(
    generic: GenericBackendV2,
) -> None:
    with pytest.raises(IBMInputValueError, match="'h' on qubits"):
        SamplerV2(mode=generic).run([bell()])

    coupled = AerSimulator.from_backend(generic)
    assert sum(counts(SamplerV2(mode=coupled).run([bell()], shots=10)).values()) == 10


def test_a_fake_backend_has_the_noise_of_its_calibration() -> None:
    from qiskit_ibm_runtime.fake_provider import FakeManilaV2

    fake = FakeManilaV2()
    isa = transpile(one(), fake, seed_transpiler=1)

    wrong = counts(SamplerV2(mode=fake).run([isa], shots=20_000)).get("0", 0) / 20_000

    assert 0.001 < wrong < 0.2
    assert SamplerV2(mode=fake).run([isa], shots=1).backend().name == "fake_manila"


# -- names -------------------------------------------------------------------------------------------------------


def test_one_object_is_one_device(generic: GenericBackendV2) -> None:
    assert hosted(generic) == hosted(generic)
    assert hosted(generic) is hosted(generic)
    assert hosted(GenericBackendV2(3, seed=5)) == hosted(generic)


def test_objects_that_differ_have_names_that_differ(generic: GenericBackendV2) -> None:
    other = GenericBackendV2(3, seed=6)

    assert other.name == generic.name
    assert hosted(other).name != hosted(generic).name
    assert hosted(other) != hosted(generic)


def test_an_object_whose_options_changed_is_another_device() -> None:
    aer = AerSimulator(seed_simulator=3)
    before = hosted(aer)
    aer.set_options(seed_simulator=4)

    assert hosted(aer) != before


def test_the_object_is_not_kept() -> None:
    backend = GenericBackendV2(2, seed=77)
    gone = weakref.ref(backend)
    name = hosted(backend).name

    del backend
    gc.collect()

    assert gone() is None
    assert QiskitRuntimeService(channel="local").backend(name).num_qubits == 2


def test_hosted_backends_are_not_offered_to_others(generic: GenericBackendV2) -> None:
    name = hosted(generic).name
    service = QiskitRuntimeService(channel="local")

    assert name not in {backend.name for backend in service.backends(include_mocks=True)}
    assert service.backend(name) == hosted(generic)
    assert service.least_busy(simulator=False).name == "local_heron"


def test_names_that_do_not_suit_a_path_are_changed() -> None:
    backend = GenericBackendV2(2, seed=1)
    backend.name = "my backend/№1 ?"

    handle = hosted(backend)

    assert handle.name == "my_backend__1__"
    assert counts(SamplerV2(mode=backend).run([transpile(one(), backend)], shots=3))


# -- what an AerSimulator was told -------------------------------------------------------------------------------


def test_the_noise_model_of_an_aer_simulator_is_kept() -> None:
    noise = NoiseModel()
    noise.add_all_qubit_readout_error(ReadoutError([[1, 0], [1, 0]]))

    assert counts(SamplerV2(mode=AerSimulator(noise_model=noise)).run([one()], shots=50)) == {"0": 50}
    assert counts(SamplerV2(mode=AerSimulator()).run([one()], shots=50)) == {"1": 50}


@pytest.mark.parametrize("seed", [0, 7])
def test_the_seed_of_an_aer_simulator_is_kept(seed: int) -> None:
    sampler = SamplerV2(mode=AerSimulator(seed_simulator=seed))
    plus = QuantumCircuit(8)
    plus.h(range(8))
    plus.measure_all()

    first, second = (sampler.run([plus], shots=200).result()[0].data.meas.array for _ in range(2))

    assert np.array_equal(first, second)


def test_the_method_of_an_aer_simulator_is_kept() -> None:
    sampler = SamplerV2(mode=AerSimulator(method="stabilizer"))

    assert sampler.run([bell()]).result()[0].metadata["simulation"]["method"] == "stabilizer"
    magic = QuantumCircuit(1)
    magic.t(0)
    magic.measure_all()
    with pytest.raises(RuntimeJobFailureError, match="stabilizer"):
        sampler.run([magic]).result()


def test_a_method_reaches_the_estimator_too() -> None:
    noise = NoiseModel()
    noise.add_all_qubit_quantum_error(depolarizing_error(0.01, 1), ["h"])
    circuit = bell().remove_final_measurements(inplace=False)
    estimator = EstimatorV2(mode=AerSimulator(method="matrix_product_state", noise_model=noise))

    result = estimator.run([(circuit, "XX")], precision=0.05).result()[0]

    assert result.metadata["simulation"]["method"] == "matrix_product_state"
    assert abs(result.data.evs - 1) < 0.3


@pytest.mark.parametrize(("kind", "shape"), [("kerneled", (6, 1)), ("avg_kerneled", (1,))])
def test_analog_readings_of_an_aer_simulator_are_complex_numbers(kind: str, shape: tuple[int, ...]) -> None:
    sampler = SamplerV2(mode=AerSimulator(), options={"execution": {"meas_type": kind}})

    data = sampler.run([one()], shots=6).result()[0].data.meas

    assert (data.shape, data.dtype) == (shape, np.complex128)


# -- sessions ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "mode"), [(Session, "dedicated"), (Batch, "batch")])
def test_a_session_on_a_local_backend_is_a_real_one(
    generic: GenericBackendV2, kind: type[Session], mode: str
) -> None:
    isa = transpile(one(), generic, seed_transpiler=1)
    with kind(backend=generic, max_time="10m") as session:
        inside = SamplerV2()
        named = SamplerV2(mode=generic)
        jobs = [inside.run([isa], shots=5), named.run([isa], shots=5), SamplerV2(mode=session).run([isa])]
        assert [job.session_id for job in jobs] == [session.session_id] * 3
        assert session.details()["mode"] == mode
        assert session.details()["max_time"] == 600
        assert inside.backend() is generic
        [job.result() for job in jobs]

    assert session.status() == "Closed"
    assert session.backend() == jobs[0].backend().name
    assert kind.from_id(session.session_id, session.service).backend() == session.backend()


def test_another_backend_inside_a_session_is_refused(generic: GenericBackendV2) -> None:
    with Session(backend=AerSimulator()), pytest.raises(IBMInputValueError, match="open session"):
        SamplerV2(mode=generic)


def test_a_session_on_something_else_is_refused() -> None:
    with pytest.raises(ValueError, match="Invalid backend type str"):
        Session(backend="aer_simulator")  # type: ignore[arg-type]


# -- options without effect --------------------------------------------------------------------------------------


def test_options_without_effect_are_named_once(generic: GenericBackendV2) -> None:
    isa = transpile(one(), generic, seed_transpiler=1)
    sampler = SamplerV2(mode=generic)
    sampler.options.dynamical_decoupling.enable = True
    sampler.options.execution.rep_delay = 0.0001

    with pytest.warns(
        UserWarning, match=r"local testing mode: dynamical_decoupling, execution.rep_delay"
    ) as caught:
        job = sampler.run([isa], shots=5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sampler.run([isa], shots=5)

    assert caught[0].filename == __file__
    assert job.result().metadata["options_without_effect"] == ["dynamical_decoupling", "execution.rep_delay"]


def test_an_image_has_no_effect_here() -> None:
    sampler = SamplerV2(mode=AerSimulator(), options={"environment": {"image": "some:1"}})

    with pytest.warns(UserWarning, match=r"local testing mode: environment\.image"):
        assert counts(sampler.run([one()], shots=5)) == {"1": 5}


def test_options_with_an_effect_do_not_warn() -> None:
    options = {
        "default_shots": 50,
        "max_execution_time": 60,
        "simulator": {"seed_simulator": 0},
        "twirling": {"enable_measure": True},
    }

    assert counts(SamplerV2(mode=AerSimulator(), options=options).run([one()])) == {"1": 50}


# -- dry runs ----------------------------------------------------------------------------------------------------


def test_a_dry_run_checks_the_job_and_answers_at_random(generic: GenericBackendV2) -> None:
    isa = transpile(one(), generic, seed_transpiler=1)

    with Session(backend=generic):
        job = SamplerV2().run([isa, isa], shots=1000, dry_run=True)

    assert job.backend().is_mock
    assert 300 < counts(job)["0"] < 700
    assert len(job.result()) == 2
    assert job.result()[1].data.meas.num_shots == 1000


@pytest.mark.filterwarnings("ignore:These options have no effect:UserWarning")
def test_dry_runs_have_the_shape_of_the_real_thing() -> None:
    service = QiskitRuntimeService(channel="local")
    backend = service.backend("aer_simulator")
    circuit = bell().remove_final_measurements(inplace=False)
    estimator = EstimatorV2(mode=backend, options={"resilience_level": 2})
    sampler = SamplerV2(mode=backend, options={"execution": {"meas_type": "kerneled"}})

    real, random = (
        estimator.run([(circuit, [["XX"], ["ZZ"]])], precision=0.1, dry_run=dry).result()[0].data
        for dry in (False, True)
    )
    points = sampler.run([bell()], shots=3, dry_run=True).result()[0].data.meas

    assert random.evs.shape == real.evs.shape == (2, 1)
    assert set(real) <= set(random)
    assert points.shape == (3, 2)
    assert np.iscomplexobj(points)


def test_jobs_on_mocks_are_listed_only_when_asked_for(generic: GenericBackendV2) -> None:
    service = QiskitRuntimeService(channel="local")
    isa = transpile(one(), generic, seed_transpiler=1)
    job = SamplerV2(mode=generic, options={"environment": {"job_tags": ["dry"]}}).run([isa], dry_run=True)

    assert service.jobs(job_tags=["dry"]) == []
    assert [found.job_id() for found in service.jobs(job_tags=["dry"], include_mocks=True)] == [job.job_id()]
    assert service.backend("mock_heron").is_mock


# -- life --------------------------------------------------------------------------------------------------------


def test_a_job_on_a_local_backend_can_be_pickled(generic: GenericBackendV2) -> None:
    job = SamplerV2(mode=generic).run([transpile(one(), generic, seed_transpiler=1)], shots=5)

    assert counts(pickle.loads(pickle.dumps(job))) == counts(job)


def test_a_backend_is_hosted_again_by_a_new_server(generic: GenericBackendV2) -> None:
    isa = transpile(one(), generic, seed_transpiler=1)
    before = SamplerV2(mode=generic).run([isa], shots=5)
    before.result()
    stop_embedded()

    after = SamplerV2(mode=generic).run([isa], shots=5)

    assert sum(counts(after).values()) == 5
    assert after.job_id() != before.job_id()


def test_a_job_of_a_stopped_server_says_that_its_jobs_ended_with_it(caplog: pytest.LogCaptureFixture) -> None:
    """Fault D (texts of results): it was tried for ten seconds, and then nobody listened at a port."""
    service = QiskitRuntimeService(channel="local")
    job = SamplerV2(mode=service.backend("aer_simulator")).run([one()])
    stop_embedded()
    with caplog.at_level(logging.DEBUG), pytest.raises(RequestConnectionError) as caught:
        job.result()

    text = str(caught.value)
    assert text.startswith(
        "The server inside this process has been stopped. Jobs of the server inside a process end with"
    )
    assert "--database jobs.sqlite" in text
    assert f"job {job.job_id()}" in text
    assert "\n" not in text
    assert len([line for line in caplog.messages if "permanent" in line]) == 1  # it was not tried again


@pytest.mark.parametrize("done", [False, True], ids=["unfinished", "done"])
def test_a_job_that_was_left_in_another_process_says_so(done: bool) -> None:
    """Fault D (texts of results): of the server inside a process, unpickled where that server is not."""
    job = SamplerV2(mode=QiskitRuntimeService(channel="local").backend("aer_simulator")).run([one()])
    if done:
        job.wait_for_final_state()
    elsewhere = (
        "import pickle, sys\n"
        "try: pickle.load(sys.stdin.buffer).result()\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    end = subprocess.run(
        [sys.executable, "-c", elsewhere],
        input=pickle.dumps(job),
        capture_output=True,
        timeout=900,
        check=True,
    )

    (line,) = end.stdout.decode().splitlines()
    assert line.startswith("RuntimeInvalidStateError" if done else "RuntimeJobNotFound")
    assert job.job_id() in line
    assert "Jobs of the server inside a process end with the process; to find them later, run" in line


def test_an_unknown_job_of_the_embedded_server_says_that_jobs_end_with_the_process() -> None:
    """Fault D (an unknown job id)."""
    service = QiskitRuntimeService(channel="local")

    with pytest.raises(RuntimeJobNotFound) as caught:
        service.job("abcdefghij0123456789")
    assert str(caught.value) == (
        "There is no job 'abcdefghij0123456789' in any instance of this account. Jobs of the server inside a process end "
        "with the process; to find them later, run 'python -m qiskit_rest_primitives.server --database jobs.sqlite' and "
        "connect to it."
    )
    assert caught.value.job_id == "abcdefghij0123456789"


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (
            {"resilience": {"pec_mitigation": True}, "simulator": {"coupling_map": [[0, 1]]}},
            "resilience.pec_mitigation",
        ),
        ({"dynamical_decoupling": {"enable": True}}, "dynamical_decoupling"),
        ({"twirling": {"enable_gates": True}}, "twirling.enable_gates"),
        ({"resilience_level": 2}, "twirling.enable_gates"),
    ],
)
def test_faults_a10_options_without_effect_are_named_once_on_every_local_backend(
    options: dict[str, Any], names: str
) -> None:
    circuit = bell().remove_final_measurements(inplace=False)
    for mode in (QiskitRuntimeService(channel="local").backend("aer_simulator"), AerSimulator()):
        estimator = EstimatorV2(mode=mode, options=options)
        with pytest.warns(UserWarning, match=f"no effect.*{re.escape(names)}"):
            estimator.run([(circuit, "ZZ")], precision=0.1)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            estimator.run([(circuit, "ZZ")], precision=0.1)
