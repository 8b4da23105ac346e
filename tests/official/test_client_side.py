"""Jobs of the official client's unmodified client-side primitives, read by both clients, are equal to the last bit."""

from __future__ import annotations

import importlib
import pickle
from collections.abc import Iterator
from typing import Any

import pytest
from qiskit import QuantumCircuit

from qiskit_rest_primitives.decoders import ResultDecoder

from .cases import (
    CASES,
    ESTIMATORS,
    SAMPLERS,
    Case,
    Jobs,
    assert_equal,
    assert_same_results,
    case_of,
    line_server,
)

pytest.importorskip("qiskit_mitigation", reason="pip install qiskit-rest-primitives[executor]")
new_sampler = pytest.importorskip(
    "qiskit_ibm_runtime.executor_sampler", reason="pip install qiskit-ibm-runtime>=0.51 to compare with it"
)
new_estimator = pytest.importorskip("qiskit_ibm_runtime.executor_estimator", reason="as above")
models = pytest.importorskip("qiskit_ibm_runtime.options_models", reason="as above")

pytestmark = [
    # The official client's own, and that of a server which honours fewer options than the service.
    pytest.mark.filterwarnings("ignore:Your current pending jobs:UserWarning"),
    pytest.mark.filterwarnings("ignore:Setting `max_execution_time` via:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:These options have no effect:UserWarning"),
    # Of qiskit-mitigation: few shots spread nowhere.
    pytest.mark.filterwarnings("ignore:No positive, finite standard errors:UserWarning"),
]


@pytest.fixture(scope="module")
def shared() -> Iterator[Any]:
    with line_server() as server:
        yield server.endpoint


@pytest.fixture(scope="module")
def jobs(official: Any) -> Jobs:
    return Jobs(official.service, (new_sampler.Sampler, new_estimator.Estimator), {})


@pytest.mark.parametrize(("kind", "name"), CASES)
def test_both_clients_read_the_same(kind: str, name: str, jobs: Jobs, ours: Any) -> None:
    case = case_of(kind, name)
    job = jobs.run(kind, case)
    theirs = job.result()
    if case.options.get("environment.private"):
        # Its result can be read once, so ours reads that of another job, whose seed is the same.
        job = jobs.run(kind, case)
    again = ours.service.job(job.job_id())

    mine = again.result()

    assert_same_results(mine, theirs, one_job=not case.options.get("environment.private"))
    spans = mine.metadata["execution"]["execution_spans"]
    if kind == "sampler":
        assert spans.pub_idxs == list(range(len(mine)))
        assert sum(span.size for span in spans) == sum(pub.data.size * pub.metadata["shots"] for pub in mine)
    raw = again.result(decoder=ResultDecoder)
    assert (raw._semantic_role, type(raw).__name__) == (f"{kind}_v2", "QuantumProgramResult")


def test_jobs_of_sessions_and_copies_of_jobs_are_read_alike(jobs: Jobs, ours: Any, official: Any) -> None:
    with official.Session(backend=jobs.backend) as session:
        job = new_sampler.Sampler(session).run(jobs.sampled("plain"), shots=8)
        theirs = job.result()
    again = ours.service.job(job.job_id())

    # As another process would have it, before the result was asked for and after.
    for handle in (pickle.loads(pickle.dumps(again)), again, pickle.loads(pickle.dumps(again))):
        mine = handle.result()
        assert handle.session_id == session.session_id
        assert mine[0].data.meas == theirs[0].data.meas
        assert mine.metadata["execution"]["execution_spans"].pub_idxs == [0]


CHECKS = {"pre_circuit": {"enable": True, "x_pulse_type": "rx", "strategy": "edge"}}
LEARNERS: dict[str, dict[str, Any]] = {
    "one layer": {},
    "checked after": {"bit_flip_checks": {"post_circuit": {"enable": True, "x_pulse_type": "rx"}}},
    "checked before": {"bit_flip_checks": CHECKS},
    "checked before and after": {
        "bit_flip_checks": CHECKS | {"post_circuit": {"enable": True, "x_pulse_type": "rx"}}
    },
}


@pytest.mark.parametrize("name", LEARNERS)
def test_both_clients_learn_the_same_noise(name: str, jobs: Jobs, ours: Any) -> None:
    pytest.importorskip(
        "qiskit_noise_learning", reason="pip install qiskit-rest-primitives[noise-learning] on Python 3.11+"
    )
    learner_of = pytest.importorskip("qiskit_ibm_runtime.executor_noise_learner").NoiseLearnerV3
    annotations = pytest.importorskip("samplomatic")
    circuit = QuantumCircuit(3)
    with circuit.box([annotations.Twirl(), annotations.InjectNoise("layer")]):
        circuit.cz(0, 1)
    few = {"num_randomizations": 2, "shots_per_randomization": 16, "layer_pair_depths": [0, 1, 2]}
    job = learner_of(jobs.backend, options=few | LEARNERS[name]).run(list(circuit))
    again = ours.service.job(job.job_id())

    mine, theirs = again.result(), job.result()

    if name == "checked after":
        # The official client forgets these, so that they are asked for by hand.
        selection = importlib.import_module("qiskit_noise_learning.analysis.flip_post_select")
        stage = selection.FlipPostSelect(creg_identifier=selection.suffix_creg_identifier("_ps"), mode="node")
        learning = importlib.import_module("qiskit_noise_learning.protocols")
        raw = again.result(decoder=ResultDecoder)
        (kept,), _, _ = learning.process_vanilla_result(raw, raw_data_stage=stage)
        assert_equal(mine[0]._rates, kept.rates, "rates")
        assert mine[0]._rates.tolist() != theirs[0]._rates.tolist()
        return

    assert type(mine).__name__ == type(theirs).__name__ == "NoiseLearnerV3Results"
    assert len(mine) == len(theirs) == 1
    for left, right in zip(mine, theirs, strict=True):
        assert left._generators == right._generators
        assert_equal(left._rates, right._rates, "rates")
        assert_equal(left._rates_std, right._rates_std, "rates_std")
    assert mine.to_pauli_lindblad_maps() == theirs.to_pauli_lindblad_maps()
    assert mine.to_dict(list(circuit)).keys() == {"layer"}


def leaves(model: Any, prefix: str = "") -> Iterator[str]:
    for name, info in model.model_fields.items():
        if hasattr(info.annotation, "model_fields"):
            yield from leaves(info.annotation, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


@pytest.mark.parametrize(
    ("cases", "model"), [(SAMPLERS, models.SamplerOptions), (ESTIMATORS, models.EstimatorOptions)]
)
def test_every_option_is_set_once(cases: dict[str, Case], model: Any) -> None:
    given = {name for case in cases.values() for name in case.options}
    given |= {"resilience.layer_noise_model" for case in cases.values() if case.noise}

    # An image is one of IBM's, which no other service has.
    assert set(leaves(model)) - given == {"environment.image"} | (
        {"simulator.seed_simulator"} if model is models.EstimatorOptions else set()
    )
    assert len(SAMPLERS) + len(ESTIMATORS) >= 40
