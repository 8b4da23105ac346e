"""Figures of zero-noise extrapolation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.primitives.containers import PubResult

from .spans import plotly

Index = tuple[int, ...]
Floats = NDArray[np.float64]


def draw_zne_evs(
    result: PubResult,
    indices: Sequence[Index] | None = None,
    names: Sequence[str] | None = None,
    num_stds: int = 1,
    max_mag: float = 10,
    max_std: float = 0.2,
    height: int = 500,
    width: int = 1000,
    num_cols: int = 4,
    colorscale: str = "Aggrnyl",
) -> Any:
    """Draw one plot for each expectation value: what was measured, and every extrapolator's line.

    Args:
        result: The result of a PUB that was extrapolated.
        indices: Which of its expectation values; None for all.
        names: What to call them.
        num_stds: How many standard deviations are shaded.
        max_mag: Lines that reach farther from 0 are left out.
        max_std: Lines with larger standard deviations are left out.
        height: In pixels.
        width: In pixels.
        num_cols: How many plots are side by side.
        colorscale: Where the colors of the lines are from.

    Returns:
        A ``plotly.graph_objects.Figure``.

    Raises:
        ImportError: plotly is not installed.
        ValueError: The result was not extrapolated, or there is not one name for each value.
    """
    data = _ZneData.of(result, indices, names)
    colors = _colors(colorscale, len(data.extrapolators))
    columns = min(num_cols, len(data.indices))
    figure = plotly(".subplots").make_subplots(
        rows=-(-len(data.indices) // columns), cols=columns, shared_xaxes=True, subplot_titles=data.names
    )
    shown: set[int] = set()
    for number, index in enumerate(data.indices):
        place = {"row": number // columns + 1, "col": number % columns + 1}
        figure.add_trace(data.measured(index, data.names[number], color="black"), **place)
        evs = result.data.evs_noise_factors[index]
        figure.update_yaxes(range=[np.min(evs) - max_std, np.max(evs) + max_std], **place)
        for model, evs, stds in data.lines(index, max_mag, max_std):
            for trace in data.line(model, evs, stds, num_stds, colors[model], model, model not in shown):
                figure.add_trace(trace, **place)
            shown.add(model)
    return _finished(figure, height, width)


def draw_zne_extrapolators(
    result: PubResult,
    indices: Sequence[Index] | None = None,
    names: Sequence[str] | None = None,
    num_stds: int = 1,
    max_mag: float = 10,
    max_std: float = 0.2,
    height: int = 500,
    width: int = 1000,
    colorscale: str = "Aggrnyl",
) -> Any:
    """Draw one plot for each extrapolator: what was measured of every expectation value, and the lines.

    Args:
        result: As for ``draw_zne_evs``, like all arguments.
        indices: Which of its expectation values; None for all.
        names: What to call them.
        num_stds: How many standard deviations are shaded.
        max_mag: Lines that reach farther from 0 are left out, with what was measured.
        max_std: Lines with larger standard deviations are left out, with what was measured.
        height: In pixels.
        width: In pixels.
        colorscale: Where the colors of the values are from.

    Returns:
        A ``plotly.graph_objects.Figure``.

    Raises:
        ImportError: plotly is not installed.
        ValueError: The result was not extrapolated, or there is not one name for each value.
    """
    data = _ZneData.of(result, indices, names)
    colors = _colors(colorscale, len(data.indices))
    figure = plotly(".subplots").make_subplots(
        cols=len(data.extrapolators), subplot_titles=data.extrapolators
    )
    for number, index in enumerate(data.indices):
        first = True
        for model, evs, stds in data.lines(index, max_mag, max_std):
            place = {"row": 1, "col": model + 1}
            figure.add_trace(data.measured(index, data.names[number], colors[number], number, first), **place)
            for trace in data.line(model, evs, stds, num_stds, colors[number], number, False):
                figure.add_trace(trace, **place)
            first = False
    evs = result.data.evs_noise_factors
    figure.update_yaxes(range=[np.min(evs) - max_std, np.max(evs) + max_std])
    return _finished(figure, height, width)


@dataclass(frozen=True)
class _ZneData:
    """What is drawn of a result."""

    data: Any
    factors: list[float]
    extrapolated: list[float]
    extrapolators: list[str]
    indices: list[Index]
    names: list[str]

    @classmethod
    def of(cls, result: PubResult, indices: Sequence[Index] | None, names: Sequence[str] | None) -> _ZneData:
        facts = (result.metadata.get("resilience") or {}).get("zne") or {}
        if not {"noise_factors", "extrapolated_noise_factors"} <= set(facts):
            raise ValueError(
                "This result holds no zero-noise extrapolation: set resilience.zne_mitigation of the estimator."
            )
        chosen = list(np.ndindex(result.data.shape)) if indices is None else list(indices)
        usual = [f"evs_{index[0] if len(index) == 1 else index}" if index else "evs" for index in chosen]
        if names is not None and len(names) != len(chosen):
            raise ValueError(f"There are {len(names)} names for {len(chosen)} expectation values.")
        count = result.data.evs_extrapolated.shape[-2]
        return cls(
            data=result.data,
            factors=list(facts["noise_factors"]),
            extrapolated=list(facts["extrapolated_noise_factors"]),
            extrapolators=list(facts.get("extrapolators") or (f"extrapolator {i}" for i in range(count))),
            indices=chosen,
            names=usual if names is None else list(names),
        )

    def lines(self, index: Index, max_mag: float, max_std: float) -> Iterator[tuple[int, Floats, Floats]]:
        """Yield the number of each extrapolator whose values are in bounds, the values and their deviations."""
        for model in range(len(self.extrapolators)):
            evs = self.data.evs_extrapolated[index][model]
            stds = self.data.stds_extrapolated[index][model]
            if np.all(stds <= max_std) and np.all(abs(evs) <= max_mag):  # a fit that failed is NaN
                yield model, evs, stds

    def measured(
        self, index: Index, name: str, color: str, group: int | None = None, legend: bool = False
    ) -> Any:
        """Return the points of an expectation value."""
        return plotly(".graph_objects").Scatter(
            x=self.factors,
            y=self.data.evs_noise_factors[index],
            error_y={"array": self.data.stds_noise_factors[index]},
            name=name,
            mode="markers",
            marker={"color": color},
            hovertemplate="noise factor %{x}: %{y:.4f} +- %{error_y.array:.4f}<extra></extra>",
            legendgroup=None if group is None else str(group),
            showlegend=legend,
        )

    def line(
        self, model: int, evs: Floats, stds: Floats, num_stds: int, color: str, group: int, legend: bool
    ) -> list[Any]:
        """Return the line of an extrapolator, and the shades around it."""
        scatter, name = plotly(".graph_objects").Scatter, self.extrapolators[model]
        common = {"x": self.extrapolated, "legendgroup": str(group)}
        line = scatter(
            **common,
            y=evs,
            customdata=stds,
            name=name,
            mode="lines",
            line={"color": color},
            hovertemplate=f"{name}, noise factor %{{x}}: %{{y:.4f}} +- %{{customdata:.4f}}<extra></extra>",
            showlegend=legend,
        )
        shades = [
            scatter(
                **{**common, "x": self.extrapolated + self.extrapolated[::-1]},
                y=[*(evs + far * stds), *(evs - far * stds)[::-1]],
                fill="toself",
                fillcolor=color,
                line={"color": "rgba(255,255,255,0)"},
                opacity=0.2,
                hoverinfo="skip",
                showlegend=False,
            )
            for far in range(1, num_stds + 1)
        ]
        return [line, *shades]


def _colors(scale: str, count: int) -> list[str]:
    return list(plotly(".colors").sample_colorscale(scale, np.linspace(0, 1, count)))


def _finished(figure: Any, height: int, width: int) -> Any:
    figure.update_layout(height=height, width=width, plot_bgcolor="white", hoverlabel_align="right")
    frame = {
        "mirror": True,
        "ticks": "outside",
        "showline": True,
        "linecolor": "black",
        "gridcolor": "lightgrey",
    }
    figure.update_xaxes(**frame)
    figure.update_yaxes(**frame)
    return figure
