"""Figures of zero-noise extrapolation show the arrays of the result, as the official ones do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.primitives.containers import DataBin
from qiskit.quantum_info import SparsePauliOp
from qiskit_aer.noise import NoiseModel, depolarizing_error
from qiskit_ibm_runtime.results import EstimatorPubResult as Official

from qiskit_rest_primitives import EstimatorV2
from qiskit_rest_primitives.results.estimator_pub import EstimatorPubResult
from qiskit_rest_primitives.wire import typed

FACTORS, AT, MODELS = [1.0, 2.0, 3.0], [0.0, 1.0, 2.0, 3.0], ["exponential", "linear"]


def result(kind: Any, shape: tuple[int, ...]) -> Any:
    random = np.random.default_rng(5)
    fields = {
        "evs": random.random(shape),
        "stds": random.random(shape),
        "evs_noise_factors": random.random((*shape, len(FACTORS))),
        "stds_noise_factors": random.random((*shape, len(FACTORS))) / 10,
        "evs_extrapolated": random.random((*shape, len(MODELS), len(AT))),
        "stds_extrapolated": random.random((*shape, len(MODELS), len(AT))) / 4,
    }
    zne = {"noise_factors": FACTORS, "extrapolated_noise_factors": AT, "extrapolators": MODELS}
    return kind(DataBin(**fields, shape=shape), {"resilience": {"zne": zne}})


def shown(figure: Any) -> list[Any]:
    return [
        (
            list(trace.x),
            list(trace.y),
            None if trace.error_y.array is None else list(trace.error_y.array),
            None if trace.customdata is None else list(trace.customdata),
            trace.mode,
            trace.name,
            trace.showlegend,
            trace.xaxis,
        )
        for trace in figure.data
    ]


@pytest.mark.parametrize("draw", ["draw_zne_evs", "draw_zne_extrapolators"])
@pytest.mark.parametrize(
    ("shape", "more"),
    [
        ((3,), {}),
        ((2, 3), {"num_stds": 2, "max_std": 0.25, "max_mag": 0.9}),
        ((6,), {"indices": [(4,), (1,)], "names": ["a", "b"], "max_std": 1.0, "height": 300}),
    ],
)
def test_figures_show_what_the_official_ones_show(
    draw: str, shape: tuple[int, ...], more: dict[str, Any]
) -> None:
    pytest.importorskip("plotly", reason="pip install plotly to draw")
    mine = getattr(result(EstimatorPubResult, shape), draw)(**more)
    theirs = getattr(result(Official, shape), draw)(**more)

    assert mine.data
    assert shown(mine) == shown(theirs)
    for name in ("height", "width", "yaxis"):
        assert getattr(mine.layout, name) == getattr(theirs.layout, name)
    assert [note.text for note in mine.layout.annotations] == [
        note.text for note in theirs.layout.annotations
    ]


def test_the_result_of_a_job_draws_what_the_server_extrapolated(service: Any) -> None:
    pytest.importorskip("plotly", reason="pip install plotly to draw")
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    noise = NoiseModel()
    noise.add_all_qubit_quantum_error(depolarizing_error(0.05, 2), ["cx"])
    estimator = EstimatorV2(mode=service.backend("aer_simulator"))
    estimator.options.resilience.zne_mitigation = True
    estimator.options.resilience.zne.extrapolator = ["linear", "exponential"]
    estimator.options.simulator.noise_model = noise
    estimator.options.simulator.seed_simulator = 11

    (pub,) = estimator.run([(circuit, SparsePauliOp("ZZ"))]).result()
    figure = pub.draw_zne_evs(max_std=np.inf)

    assert isinstance(pub, EstimatorPubResult)
    points, *rest = figure.data
    assert list(points.x) == [1, 3, 5]
    assert np.array_equal(points.y, pub.data.evs_noise_factors)
    lines = [trace for trace in rest if trace.mode == "lines"]
    assert [line.name for line in lines if line.name] == ["linear", "exponential"]
    assert np.array_equal([line.y for line in lines if line.name], pub.data.evs_extrapolated)


def test_a_result_without_extrapolation_and_a_name_too_few_are_errors() -> None:
    plain = EstimatorPubResult(DataBin(evs=np.zeros(2), shape=(2,)))

    with pytest.raises(ValueError, match="zne_mitigation"):
        plain.draw_zne_evs()
    with pytest.raises(ValueError, match="1 names for 2"):
        result(EstimatorPubResult, (2,)).draw_zne_extrapolators(names=["a"])


def test_a_result_keeps_its_class_when_it_travels() -> None:
    again = typed.load(typed.dump(result(EstimatorPubResult, (2,))))

    assert type(again) is EstimatorPubResult
    assert again.data.evs.tolist() == result(EstimatorPubResult, (2,)).data.evs.tolist()
