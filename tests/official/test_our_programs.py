"""Jobs of our primitives over the program ``executor``, read by both clients, are equal to the last bit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from qiskit_aer.noise import NoiseModel

from qiskit_rest_primitives import EstimatorOptions, EstimatorV2, SamplerOptions, SamplerV2

from .cases import ESTIMATORS, SAMPLERS, Case, Jobs, assert_equal, assert_same_results, line_server

pytest.importorskip("qiskit_mitigation", reason="pip install qiskit-rest-primitives[executor]")
pytest.importorskip(
    "qiskit_ibm_runtime.executor_sampler", reason="pip install qiskit-ibm-runtime>=0.51 to compare with it"
)

pytestmark = [
    pytest.mark.filterwarnings("ignore:These options have no effect:UserWarning"),
    pytest.mark.filterwarnings("ignore:No positive, finite standard errors:UserWarning"),
]


def misread() -> NoiseModel:
    model = NoiseModel(["cz", "rx", "rz", "sx", "x"])
    model.add_all_qubit_readout_error([[0.9, 0.1], [0.2, 0.8]])
    return model


OURS = {
    "circuit_format": "qpy",
    "support_qiskit": True,
    "simulator.noise_model": misread(),
    "simulator.seed_simulator": 3,
    "simulator.basis_gates": ["cz", "rx", "rz", "sx", "x"],
    "simulator.coupling_map": [[0, 1], [1, 2]],
}
LEARNING = {
    "resilience.measure_mitigation": True,
    "resilience.pec_mitigation": True,
    "resilience.pec.max_overhead": 2,
    "twirling.num_randomizations": 3,
    "twirling.shots_per_randomization": 8,
    "resilience.measure_noise_learning.num_randomizations": 3,
    "resilience.measure_noise_learning.shots_per_randomization": 128,
    "resilience.layer_noise_learning.max_layers_to_learn": 2,
    "resilience.layer_noise_learning.num_randomizations": 3,
    "resilience.layer_noise_learning.shots_per_randomization": 8,
    "resilience.layer_noise_learning.layer_pair_depths": [0, 2],
}
ALL = {
    "sampler": SAMPLERS | {"what only ours has": Case({**OURS, "default_shots": 20})},
    "estimator": ESTIMATORS
    | {"what only ours has": Case({**OURS, **LEARNING, "seed_estimator": 4}, noise=True)},
}
"""The cases of the official client's primitives, and the options that only ours have."""


@pytest.fixture(scope="module")
def shared() -> Iterator[Any]:
    with line_server() as server:
        yield server.endpoint


SPREADS = {"folded", "folded at the front"}
"""Nothing is randomised: the official client gives the spread of single shots for each noise factor (docs/executor.md)."""


@pytest.fixture(scope="module")
def jobs(ours: Any) -> Jobs:
    return Jobs(ours.service, (SamplerV2, EstimatorV2), {"program": "executor"})


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, cases in ALL.items() for name in cases])
def test_the_official_client_reads_our_programs(kind: str, name: str, jobs: Jobs, official: Any) -> None:
    case = ALL[kind][name]
    job = jobs.run(kind, case)
    mine = job.result()
    private = bool(case.options.get("environment.private"))
    if private:  # its result can be read once
        job = jobs.run(kind, case)

    theirs = official.service.job(job.job_id()).result()

    assert job.primitive_id == "executor"
    if name in SPREADS:
        for left, right in zip(mine, theirs, strict=True):
            shots = left.metadata["shots"]
            assert np.allclose(left.data.stds_noise_factors**2 * shots, right.data.stds_noise_factors**2)
            left.data._data["stds_noise_factors"] = right.data.stds_noise_factors
    for left in mine:  # which IBM's client leaves out of values that are extrapolated
        if "evs_noise_factors" in left.data:
            left.data._data.pop("ensemble_standard_error")
    assert_same_results(mine, theirs, one_job=not private)


@pytest.mark.parametrize("kind", ["sampler", "estimator"])
def test_each_part_of_a_run_is_read_alike(kind: str, jobs: Jobs, official: Any) -> None:
    """Several shots or precisions are several jobs on the service: the official client reads one by one."""
    if kind == "sampler":
        (first, *_), second = jobs.sampled("shots")
        pubs = [(*jobs.sampled("sweep")[0], 5), (first, second[1], 6), (*jobs.sampled("sweep")[1], 5)]
    else:
        circuit, observable, values, _ = jobs.estimated("precision")[0]
        pubs = [(circuit, observable, values, precision) for precision in (0.3, 0.4, 0.3)]
    job = jobs.run(kind, Case({} if kind == "sampler" else {"resilience_level": 0}), pubs)
    mine = job.result()

    parts = [official.service.job(part).result() for part in job.job_ids()]

    assert [len(part) for part in parts] == [2, 1]
    theirs = [parts[0][0], parts[1][0], parts[0][1]]
    for index, (left, right) in enumerate(zip(mine, theirs, strict=True)):
        for register in right.data:
            assert_equal(left.data[register], right.data[register], f"[{index}].data.{register}")


def leaves(kind: Any, prefix: str = "") -> Iterator[str]:
    for name, entry in kind._entries.items():
        if entry.group is None:
            yield f"{prefix}{name}"
        else:
            yield from leaves(entry.group, f"{prefix}{name}.")


@pytest.mark.parametrize(
    ("kind", "options"),
    [("sampler", SamplerOptions), ("estimator", EstimatorOptions)],
    ids=["sampler", "estimator"],
)
def test_every_option_is_set_once(kind: str, options: Any) -> None:
    cases = ALL[kind]
    given = {name for case in cases.values() for name in case.options} | {"program"}
    given |= {"resilience.layer_noise_model" for case in cases.values() if case.noise}

    # An image is one of IBM's, which no other service has.
    assert set(leaves(options)) - given == {"environment.image"}
    assert len(ALL["sampler"]) + len(ALL["estimator"]) >= 40
