"""A figure of what the channels of a device did in the course of a circuit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import cycle, groupby
from operator import attrgetter
from typing import Any

from .spans import plotly

_BANDS = {"main": (0.0, 0.8), "then": (0.2, 0.4), "else": (-0.2, 0.4)}
"""Branch -> middle and height of its bars, in rows of the figure."""

_READOUT = "AWGR"
"""What channels of the readout electronics begin with: arbitrary waveform generators for readout."""


@dataclass(frozen=True)
class _Step:
    """One line of a schedule; times in units of dt."""

    branch: str
    instruction: str
    channel: str
    start: int
    duration: int
    pulse: str

    @property
    def gate(self) -> str:
        return self.instruction.partition("_")[0]

    @property
    def stop(self) -> int:
        return self.start + self.duration

    @property
    def label(self) -> str:
        return (
            f"{self.instruction}, {self.pulse}<br>from {self.start} to {self.stop} ({self.duration})<br>"
            f"{self.channel}, {self.branch}"
        )


def draw_circuit_schedule_timing(
    circuit_schedule: str,
    included_channels: Sequence[str] | None = None,
    filter_readout_channels: bool = False,
    filter_barriers: bool = False,
    merge_common_instructions: bool = False,
    width: int = 1400,
) -> Any:
    """Draw the schedule of a circuit: time to the right, a row for each channel, a color for each gate.

    Args:
        circuit_schedule: The ``timing`` of an item's ``scheduler_timing``, which the option
            ``execution.scheduler_timing`` asks for; times in units of dt.
        included_channels: The channels to show, from top to bottom; None for all.
        filter_readout_channels: Leave out the channels of the readout electronics (``AWGR...``).
        filter_barriers: Leave out barriers.
        merge_common_instructions: Draw what the same instruction does on a channel without a pause as one bar.
        width: In pixels.

    Returns:
        A ``plotly.graph_objects.Figure``; what takes no time is a diamond, what a branch does is the upper
        (``then``) or the lower (``else``) half of a row.

    Raises:
        ImportError: plotly is not installed.
        ValueError: The text is no schedule, or nothing is left of it.
    """
    steps = [
        step
        for step in _parsed(circuit_schedule)
        if (included_channels is None or step.channel in included_channels)
        and not (filter_readout_channels and step.channel.startswith(_READOUT))
        and not (filter_barriers and step.gate == "barrier")
    ]
    if not steps:
        raise ValueError("Nothing of the schedule is to be shown.")
    steps = _merged(steps) if merge_common_instructions else steps
    present = {step.channel for step in steps}
    if included_channels is None:
        channels = sorted(present)
    else:
        channels = [channel for channel in reversed(included_channels) if channel in present]
    return _figure(steps, channels, width)


def _parsed(text: str) -> list[_Step]:
    if not isinstance(text, str):
        raise ValueError(
            f"A schedule is a str, the timing of a result's scheduler_timing, not {text!r:.100}."
        )
    steps = []
    for line in filter(None, text.split("\n")):
        try:
            branch, instruction, channel, start, duration, pulse = line.split(",")
            steps.append(_Step(branch, instruction, channel, int(start), int(duration), pulse))
        except ValueError:
            raise ValueError(
                f"This line of the schedule is not branch,instruction,channel,begin,duration,pulse: {line!r:.200}."
            ) from None
        if branch not in _BANDS:
            raise ValueError(f"A branch of a schedule is one of {', '.join(_BANDS)}, not {branch!r:.100}.")
    return steps


def _merged(steps: Iterable[_Step]) -> list[_Step]:
    """Join what the same instruction does on the same channel without a pause."""
    place = attrgetter("branch", "instruction", "channel")
    merged: list[_Step] = []
    for _, group in groupby(
        sorted(steps, key=attrgetter("branch", "instruction", "channel", "start")), place
    ):
        last, *others = group
        for step in others:
            if step.start == last.stop:
                last = replace(last, duration=last.duration + step.duration)
            else:
                merged.append(last)
                last = step
        merged.append(last)
    return merged


def _figure(steps: Sequence[_Step], channels: Sequence[str], width: int) -> Any:
    figure = plotly(".graph_objects").Figure()
    rows = {channel: row for row, channel in enumerate(channels)}
    gates = sorted({step.gate for step in steps})
    for gate, color in zip(gates, cycle(plotly(".colors").qualitative.Plotly), strict=False):
        mine = [step for step in steps if step.gate == gate]
        lasting = [step for step in mine if step.duration]
        if lasting:
            figure.add_bar(
                **_common(gate, lasting, color),
                base=[step.start for step in lasting],
                x=[step.duration for step in lasting],
                y=[rows[step.channel] + _BANDS[step.branch][0] for step in lasting],
                width=[_BANDS[step.branch][1] for step in lasting],
                orientation="h",
            )
        moments = [step for step in mine if not step.duration]
        if moments:
            figure.add_scatter(
                **_common(gate, moments, color),
                x=[step.start for step in moments],
                y=[rows[step.channel] + _BANDS[step.branch][0] for step in moments],
                mode="markers",
                marker_symbol="diamond",
                showlegend=not lasting,
            )
    figure.update_layout(
        title="Schedule",
        barmode="overlay",
        plot_bgcolor="white",
        width=width,
        height=200 + 60 * len(channels),
        xaxis={"title": "Time (dt)", "rangeslider": {"visible": True}},
        yaxis={"title": "Channel", "tickvals": list(rows.values()), "ticktext": list(rows)},
    )
    return figure


def _common(gate: str, steps: Sequence[_Step], color: str) -> dict[str, Any]:
    """Return what bars and diamonds of a gate have in common."""
    return {
        "name": gate,
        "legendgroup": gate,
        "hovertext": [step.label for step in steps],
        "hoverinfo": "text",
        "marker_color": color,
    }
