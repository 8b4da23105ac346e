"""Figures of learned noise show the rates of the layers, as the official ones do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.quantum_info import PauliList
from qiskit_ibm_runtime.results import noise_learner as official
from qiskit_ibm_runtime.visualization import draw_layer_errors_swarm as official_swarm
from qiskit_ibm_runtime.visualization.embeddings import Embedding as OfficialEmbedding

from qiskit_rest_primitives.results import noise_learner as ours
from qiskit_rest_primitives.visualization.embeddings import Embedding
from qiskit_rest_primitives.visualization.noise import draw_layer_errors_swarm

PAULIS = PauliList(["IIIX", "IIXI", "IXII", "YIII", "ZIII", "XXII", "ZZII", "IIZX"])
RATES = [0.01, 0.012, 0.03, 0.005, 0.02, 0.017, 0.011, 0.004]
LINE = ([(0, column) for column in range(6)], [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5)])
SIZES = (5, 7, 15, 16, 20, 27, 28, 53, 65, 120, 127, 133, 156)

pytestmark = pytest.mark.usefixtures("plotly")


@pytest.fixture
def plotly() -> Any:
    return pytest.importorskip("plotly", reason="pip install plotly to draw")


def layer(package: Any, rates: list[float] = RATES) -> Any:
    return package.LayerError(QuantumCircuit(4), [1, 2, 3, 4], package.PauliLindbladError(PAULIS, rates))


def lines(figure: Any) -> dict[Any, tuple[Any, ...]]:
    """Both ends of every piece -> its color, width and the numbers that are told of it."""
    return {
        (*np.round(trace.x, 9), *np.round(trace.y, 9)): (
            trace.line.color,
            trace.line.width,
            trace.hovertemplate,
        )
        for trace in figure.data
        if trace.mode == "lines"
    }


@pytest.mark.parametrize(
    "more", [{}, {"highest_rate": 0.015, "edge_width": 2, "colorscale": "Viridis", "height": 300}]
)
def test_a_map_shows_what_the_official_one_shows(more: dict[str, Any]) -> None:
    mine = layer(ours).draw_map(Embedding(*LINE), num_edge_segments=1, **more)
    theirs = layer(official).draw_map(OfficialEmbedding(*LINE), num_edge_segments=1, **more)

    assert lines(mine) == lines(theirs)
    nodes, others = mine.data[-1], theirs.data[-1]
    assert (list(nodes.x), list(nodes.y)) == (list(others.x), list(others.y))
    assert [sorted(text.split("<br>")) for text in nodes.hovertemplate] == [
        sorted(text.split("<br>")) for text in others.hovertemplate
    ]
    assert [shape.fillcolor for shape in mine.layout.shapes] == [
        shape.fillcolor for shape in theirs.layout.shapes
    ]
    for name in ("height", "width", "plot_bgcolor"):
        assert getattr(mine.layout, name) == getattr(theirs.layout, name)


def test_a_line_runs_from_its_lowest_to_its_highest_rate() -> None:
    figure = layer(ours).draw_map(Embedding(*LINE), num_edge_segments=4)
    pieces = [trace for trace in figure.data if trace.hovertemplate == "<br>XX: 0.017<br>ZZ: 0.011"]

    assert [list(piece.x) for piece in pieces] == [[3, 3.25], [3.25, 3.5], [3.5, 3.75], [3.75, 4]]
    assert len({piece.line.color for piece in pieces}) == 4
    assert list(figure.data[-1].marker.color) == [0.0, 0.01, 0.012, 0.03, 0.02, 0.0]


@pytest.mark.parametrize("size", SIZES)
def test_devices_are_laid_out_as_the_official_client_has_them(size: int) -> None:
    backend = GenericBackendV2(size, coupling_map=[(qubit, qubit + 1) for qubit in range(size - 1)])

    mine, theirs = Embedding.from_backend(backend), OfficialEmbedding.from_backend(backend)

    assert mine.coordinates == theirs.coordinates
    assert set(mine.coupling_map) == set(theirs.coupling_map)


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"num_bodies": 1, "num_bins": 3, "names": ["a", "b"], "x_coo": [0, 4], "opacities": [0.1, 0.9]},
        {"min_rate": 0.01, "max_rate": 0.02, "connected": ["IIIX", "YIII"], "colors": ["red", "blue"]},
    ],
)
def test_a_swarm_shows_what_the_official_one_shows(more: dict[str, Any]) -> None:
    def shown(figure: Any) -> list[Any]:
        return [
            (list(trace.x), list(trace.y), trace.mode, trace.name, trace.marker.color)
            for trace in figure.data
        ]

    both = [RATES, RATES[::-1]]
    mine = draw_layer_errors_swarm([layer(ours, rates) for rates in both], **more)
    theirs = official_swarm([layer(official, rates) for rates in both], **more)

    assert shown(mine) == shown(theirs)
    assert mine.layout.xaxis.ticktext == theirs.layout.xaxis.ticktext
    assert shown(layer(ours).draw_swarm()) == shown(layer(official).draw_swarm())


def test_equal_rates_can_be_drawn_and_what_is_not_known_cannot() -> None:
    assert list(layer(ours, [0.01] * 8).draw_swarm().data[0].y) == [0.01] * 8
    unknown = ours.LayerError(QuantumCircuit(1), [0])
    with pytest.raises(ValueError, match="not known"):
        unknown.draw_swarm()
    with pytest.raises(ValueError, match="not known"):
        unknown.draw_map(Embedding(*LINE))
    with pytest.raises(ValueError, match="3 entries, but there are 1"):
        layer(ours).draw_swarm(names=["a", "b", "c"])
    with pytest.raises(ValueError, match="give an Embedding"):
        Embedding.from_backend(GenericBackendV2(6))
    with pytest.raises(ValueError, match="other qubits"):
        Embedding([(0, 0)], [(0, 1)])
