"""Figures of learned noise: on the map of a device, and as a swarm of rates."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from qiskit.providers import BackendV2

from .embeddings import Embedding
from .spans import plotly

if TYPE_CHECKING:
    from ..results.noise_learner import LayerError, PauliLindbladError

Rates = dict[tuple[int, ...], dict[str, float]]

_SLICES = {"Z": -30, "X": 90, "Y": 210}
"""Pauli -> where its slice of a qubit's disc begins, in degrees; each is a third."""


def draw_layer_error_map(
    layer_error: LayerError,
    embedding: Embedding | BackendV2,
    colorscale: str = "Bluered",
    color_no_data: str = "lightgray",
    color_out_of_scale: str = "lightgreen",
    num_edge_segments: int = 16,
    edge_width: float = 4,
    height: int = 500,
    highest_rate: float | None = None,
    background_color: str = "white",
    radius: float = 0.25,
    width: int = 800,
) -> Any:
    """Draw the rates of a layer where its qubits are: discs for one qubit, lines for two.

    A line runs from the color of its lowest rate to that of its highest; a disc has a slice for each Pauli.

    Args:
        layer_error: The learned noise.
        embedding: Where the qubits are, or a device of a known size.
        colorscale: Colors of rates from 0 to the highest.
        color_no_data: Color of what is not known.
        color_out_of_scale: Color of rates above ``highest_rate``.
        num_edge_segments: Of how many pieces a line is.
        edge_width: Width of the lines in pixels.
        height: In pixels.
        highest_rate: The rate of the last color; None for the highest there is.
        background_color: Color behind all.
        radius: Radius of the discs; neighbours have the distance 1.
        width: In pixels.

    Returns:
        A ``plotly.graph_objects.Figure``.

    Raises:
        ImportError: plotly is not installed.
        ValueError: The noise of the layer is not known, or nobody knows where the device's qubits are.
    """
    rates = _rates(layer_error)
    place = embedding if isinstance(embedding, Embedding) else Embedding.from_backend(embedding)
    xs, ys = [column for _, column in place.coordinates], [-row for row, _ in place.coordinates]
    top = highest_rate or max((rate for found in rates.values() for rate in found.values()), default=0.0)
    color = _painter(colorscale, top, color_no_data, color_out_of_scale)
    figure = plotly(".graph_objects").Figure()
    edges = {tuple(sorted(edge)) for edge in place.coupling_map} | {key for key in rates if len(key) == 2}
    for first, second in sorted(edges):
        found = rates.get((first, second), {})
        line = ((xs[first], ys[first]), (xs[second], ys[second]))
        for trace in _pieces(line, found, num_edge_segments if found else 1):
            shade = {"color": color(trace.pop("rate")), "width": edge_width}
            figure.add_scatter(**trace, line=shade, mode="lines", showlegend=False, name="")
    by_qubit = [rates.get((qubit,), {}) for qubit in range(len(xs))]
    discs = [
        (x, y, radius, {pauli: color(found.get(pauli, 0.0)) for pauli in _SLICES})
        for x, y, found in zip(xs, ys, by_qubit, strict=True)
    ]
    legend = (max(xs) + 1, max(ys), 0.5, {"Z": "lightgreen", "X": "dodgerblue", "Y": "khaki"})
    figure.update_layout(shapes=[slice_ for disc in (*discs, legend) for slice_ in _disc(*disc)])
    figure.add_scatter(
        x=xs,
        y=ys,
        mode="markers",
        marker={
            "color": [max(found.values(), default=0.0) for found in by_qubit],
            "colorscale": colorscale,
            "cmin": 0,
            "cmax": top,
            "showscale": True,
        },
        hovertemplate=[_told(found) for found in by_qubit],
        showlegend=False,
        name="",
    )
    _frame(figure, xs, ys, legend)
    figure.update_layout(width=width, height=height, plot_bgcolor=background_color)
    return figure


def _painter(colorscale: str, top: float, unknown: str, beyond: str) -> Callable[[float], str]:
    """Return what gives the color of a rate on a scale up to ``top``."""
    hues = plotly(".colors").sample_colorscale(colorscale, np.linspace(0, 1, 1000))

    def color(rate: float) -> str:
        if not rate:
            return unknown
        return beyond if rate > top else str(hues[min(int(round(rate / top, 3) * 1000), 999)])

    return color


def draw_layer_errors_swarm(
    layer_errors: LayerError | Iterable[LayerError],
    num_bodies: int | None = None,
    max_rate: float | None = None,
    min_rate: float | None = None,
    connected: Sequence[Any] | None = None,
    colors: Sequence[str] | None = None,
    num_bins: int | None = None,
    opacities: float | Sequence[float] = 0.4,
    names: Sequence[str] | None = None,
    x_coo: Sequence[float] | None = None,
    marker_size: float | None = None,
    height: int = 500,
    width: int = 800,
) -> Any:
    """Draw the rates of each layer as points above one another, those of about the same height side by side.

    Args:
        layer_errors: The layers, or one.
        num_bodies: Only generators on so many qubits; None for all.
        max_rate: Only rates up to this one.
        min_rate: Only rates from this one on.
        connected: Generators whose points are joined by a line from layer to layer, whatever their rates.
        colors: Of the points of each layer.
        num_bins: How many heights are told apart; 10 when None.
        opacities: Of the points, for all layers or each.
        names: Of the layers.
        x_coo: Where the layers are.
        marker_size: Of the points.
        height: In pixels.
        width: In pixels.

    Returns:
        A ``plotly.graph_objects.Figure``.

    Raises:
        ImportError: plotly is not installed.
        ValueError: The noise of a layer is not known, or a list has not one entry for each layer.
    """
    layers = list(layer_errors) if isinstance(layer_errors, Iterable) else [layer_errors]
    count = len(layers)
    hues = _each("colors", colors or ["dodgerblue"] * count, count)
    alphas = _each(
        "opacities", [opacities] * count if isinstance(opacities, (int, float)) else opacities, count
    )
    titles = _each("names", names or [f"layer #{index}" for index in range(count)], count)
    places = _each("x_coo", x_coo or list(range(count)), count)
    joined: dict[str, list[tuple[float, float, str]]] = {str(pauli): [] for pauli in connected or ()}
    figure = plotly(".graph_objects").Figure()
    for layer, title, place, hue, alpha in zip(layers, titles, places, hues, alphas, strict=True):
        error = _known(layer)
        error = error.restrict_num_bodies(num_bodies) if num_bodies else error
        points = [
            (place + shift, rate, label)
            for shift, rate, label in _spread(error, num_bins or 10, min_rate, max_rate, joined)
        ]
        for x, rate, label in points:
            if label in joined:
                joined[label].append((x, rate, title))
        marker = {"color": hue, "opacity": alpha, "size": marker_size}
        told = [f"{label}: {rate}" for _, rate, label in points]
        _add_marks(figure, points, told, mode="markers", marker=marker, name=title, showlegend=False)
    for label, marks in joined.items():
        told = [f"{title}, {label}: {rate}" for _, rate, title in marks]
        _add_marks(figure, marks, told, mode="lines+markers", name=label)
    span = [places[0] - 1, places[-1] + 1] if count else None
    figure.update_xaxes(
        range=span, showgrid=False, zeroline=False, title="layers", tickvals=places, ticktext=titles
    )
    figure.update_yaxes(title="rates")
    figure.update_layout(width=width, height=height)
    return figure


def _add_marks(figure: Any, marks: Sequence[tuple[float, float, str]], told: list[str], **style: Any) -> None:
    """Add points (place, rate, what they are of) that say ``told`` when they are pointed at."""
    columns = {"x": [place for place, _, _ in marks], "y": [rate for _, rate, _ in marks]}
    figure.add_scatter(**columns, hovertemplate=told, **style)


def _spread(
    error: PauliLindbladError, bins: int, lowest: float | None, highest: float | None, joined: Any
) -> Iterator[tuple[float, float, str]]:
    """Yield (shift sideways, rate, generator) of what is drawn of a layer, from the lowest bin to the highest."""
    rates = error.rates
    bottom = min(rates, default=0.0)
    step = (max(rates, default=0.0) - bottom) / bins
    rows: list[list[tuple[float, str]]] = [[] for _ in range(bins + 1)]
    for label, rate in zip(error.generators.to_labels(), rates.tolist(), strict=True):
        outside = (lowest and rate < lowest) or (highest and rate > highest)
        if label in joined or not outside:
            rows[int((rate - bottom) // step) if step else 0].append((rate, label))
    for row in rows:
        for index, (rate, label) in enumerate(row):
            yield (index - len(row) // 2) / len(rates), rate, label


def _rates(layer: LayerError) -> Rates:
    """Return rates by the device's qubits, lowest first, and the Paulis on them, highest first as in a label."""
    error = _known(layer)
    found: Rates = {(qubit,): {} for qubit in layer.qubits}
    for label, rate in zip(error.generators.to_labels(), error.rates.tolist(), strict=True):
        letters = {
            layer.qubits[index]: letter for index, letter in enumerate(reversed(label)) if letter != "I"
        }
        if 1 <= len(letters) <= 2:
            places = sorted(letters)
            found.setdefault(tuple(places), {})["".join(letters[qubit] for qubit in reversed(places))] = rate
    return found


def _known(layer: LayerError) -> PauliLindbladError:
    if layer.error is None:
        raise ValueError("The noise of this layer is not known: its error is None.")
    return layer.error


def _told(found: dict[str, float]) -> str:
    return "".join(f"<br>{pauli}: {rate}" for pauli, rate in found.items()) or "No data"


def _frame(figure: Any, xs: list[int], ys: list[int], legend: tuple[Any, ...]) -> None:
    """Name the qubits and the slices, and show all of the map, as wide as high, without axes."""
    for qubit, (x, y) in enumerate(zip(xs, ys, strict=True)):
        figure.add_annotation(x=x + 0.3, y=y + 0.4, text=f"{qubit}", showarrow=False)
    for pauli, (right, up) in {"Z": (0.2, 0.1), "X": (-0.2, 0.1), "Y": (0.0, -0.3)}.items():
        figure.add_annotation(x=legend[0] + right, y=legend[1] + up, text=f"<b>{pauli}</b>", showarrow=False)
    bare = {"showticklabels": False, "showgrid": False, "zeroline": False}
    figure.update_xaxes(range=[min(xs) - 1, max(xs) + 2], **bare)
    figure.update_yaxes(range=[min(ys) - 1, max(ys) + 1], scaleanchor="x", scaleratio=1, **bare)


def _pieces(ends: Sequence[tuple[int, int]], found: dict[str, float], count: int) -> Iterator[dict[str, Any]]:
    """Yield the pieces of a line with their rates, from the lowest to the highest."""
    steps = np.linspace(min(found.values(), default=0.0), max(found.values(), default=0.0), count)
    marks = np.linspace(np.array(ends[0]), np.array(ends[1]), count + 1)
    for index, rate in enumerate(steps):
        x, y = marks[index : index + 2].T
        yield {"x": x, "y": y, "rate": float(rate), "hovertemplate": _told(found)}


def _disc(x: float, y: float, radius: float, colors: dict[str, str]) -> Iterator[dict[str, Any]]:
    for pauli, start in _SLICES.items():
        angles = np.radians(np.linspace(start, start + 120, 25))
        arc = "".join(f" L {x + radius * np.cos(turn)}, {y + radius * np.sin(turn)}" for turn in angles)
        path = f"M {x}, {y}{arc} Z"
        yield {
            "type": "path",
            "path": path,
            "fillcolor": colors[pauli],
            "line": {"color": "black", "width": 1},
        }


def _each(name: str, values: Any, count: int) -> list[Any]:
    if len(values) != count:
        raise ValueError(f"{name} has {len(values)} entries, but there are {count} layers.")
    return list(values)
