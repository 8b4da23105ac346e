"""PUBs without a set of values have results without values, on both roads, as Qiskit's own primitives have it."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.primitives import StatevectorEstimator, StatevectorSampler

from qiskit_rest_primitives import EstimatorV2, SamplerV2

pytest.importorskip("qiskit_mitigation", reason="pip install 'qiskit-rest-primitives[executor]'")
pytestmark = pytest.mark.filterwarnings("ignore:These options have no effect", "ignore:The noise of")

ROADS = ["server", "executor"]
SHAPES = [(0,), (2, 0), (0, 3)]
FLIPPED = QuantumCircuit(1)
FLIPPED.x(0)
CHAIN = {"coupling_map": [[0, 1]]}


def turned() -> QuantumCircuit:
    circuit = QuantumCircuit(1, metadata={"of": "mine"})
    circuit.rx(Parameter("a"), 0)
    return circuit


def beside(pub: Any, other: Any, more: Any) -> list[list[Any]]:
    """Return a ``run()`` of a PUB alone, and of one with others around it, of which one makes a part of its own."""
    return [[pub], [other, pub, (*other, None, more), pub]]


@pytest.mark.parametrize("program", ROADS)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    "options", [{"resilience_level": 0}, {}, {"resilience_level": 2}], ids=["raw", "readout", "zne"]
)
def test_estimators(
    options: dict[str, Any], shape: tuple[int, ...], program: str, simulator: Any, service: Any
) -> None:
    observables: Any = "Z" if shape[-1] == 0 else ["Z", "X", "Y"]
    pub = (turned(), observables, np.zeros((*shape, 1)))
    for pubs in beside(pub, (FLIPPED, "Z"), 0.25):
        job = EstimatorV2(simulator, options={"program": program, "default_precision": 0.2, **options}).run(
            pubs
        )
        found, exact = job.result(), StatevectorEstimator().run(pubs).result()
        again = service.job(job.job_id()).result()

        for result in (found, pickle.loads(pickle.dumps(again))):
            for one, wanted in zip(result, exact, strict=True):
                assert one.data.shape == one.data.evs.shape == one.data.stds.shape == wanted.data.evs.shape
                assert one.data.evs.dtype == wanted.data.evs.dtype
                assert (one.data.evs == -1).all()
                assert one.metadata["circuit_metadata"] == wanted.metadata["circuit_metadata"]
        assert [one.metadata["target_precision"] for one in found] == [0.2, 0.2, 0.25, 0.2][: len(pubs)]
        if program == "executor":
            assert set(found[0].data) == set(found[-1].data)


@pytest.mark.parametrize("program", ROADS)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"twirling": {"enable_measure": True}},
        {"twirling": {"enable_gates": True}},
        {"execution": {"meas_type": "kerneled"}},
    ],
    ids=["plain", "flips", "gates", "signals"],
)
def test_samplers(options: dict[str, Any], shape: tuple[int, ...], program: str, simulator: Any) -> None:
    pub = (turned().measure_all(inplace=False), np.zeros((*shape, 1)))
    other = FLIPPED.measure_all(inplace=False)
    for pubs in ([pub], [(other,), pub, (other, None, 128), pub]):
        found = (
            SamplerV2(simulator, options={"program": program, "default_shots": 64, **options})
            .run(pubs)
            .result()
        )
        exact = StatevectorSampler(default_shots=64).run(pubs).result()

        for one, wanted in zip(found, exact, strict=True):
            assert one.data.shape == wanted.data.shape
            if "execution" not in options:
                assert one.data.meas.shape == wanted.data.meas.shape
                assert one.data.meas.num_shots == wanted.data.meas.num_shots


def test_nothing_is_learned_of_what_does_not_run(simulator: Any) -> None:
    wide = QuantumCircuit(2)
    wide.rz(Parameter("a"), 0)
    wide.cz(0, 1)
    options = {"program": "executor", "resilience": {"pec_mitigation": True}, "simulator": CHAIN}

    job = EstimatorV2(simulator, options=options).run([(wide, "ZZ", np.zeros((0, 1)))])

    assert (job.primitive_id, job.result()[0].data.evs.shape) == ("executor", (0,))
