"""The figure of a schedule shows what each channel does and when, of the text that results hold."""

from __future__ import annotations

from typing import Any

import pytest
from qiskit import QuantumCircuit
from qiskit.transpiler import generate_preset_pass_manager
from qiskit_ibm_runtime.visualization import draw_circuit_schedule_timing as official

from qiskit_rest_primitives import SamplerV2
from qiskit_rest_primitives.visualization import draw_circuit_schedule_timing

TEXT = """main,barrier,Qubit 0,7,0,barrier
main,reset_0,Qubit 0,7,64,play
main,reset_0,Qubit 0,71,108,play
main,reset_0,Qubit 0,179,8,play
main,reset_0,AWGR0_0,118,325,capture
then,x_1,Qubit 1,500,8,play
else,x_1,Qubit 1,500,8,play
main,rz_1,Qubit 1,490,0,shift_phase
"""


def shown(figure: Any) -> set[tuple[Any, ...]]:
    """Return (gate, channel, begin, duration, height above the row) of all that is drawn."""
    rows = dict(zip(figure.layout.yaxis.tickvals, figure.layout.yaxis.ticktext, strict=True))
    found = set()
    for trace in figure.data:
        starts, lengths = (trace.base, trace.x) if trace.type == "bar" else (trace.x, [0] * len(trace.x))
        for start, length, y in zip(starts, lengths, trace.y, strict=True):
            found.add((trace.name, rows[round(y)], start, length, round(y - round(y), 1)))
    return found


def test_every_line_is_drawn_on_its_channel_at_its_time() -> None:
    assert shown(draw_circuit_schedule_timing(TEXT)) == {
        ("barrier", "Qubit 0", 7, 0, 0.0),
        ("reset", "Qubit 0", 7, 64, 0.0),
        ("reset", "Qubit 0", 71, 108, 0.0),
        ("reset", "Qubit 0", 179, 8, 0.0),
        ("reset", "AWGR0_0", 118, 325, 0.0),
        ("x", "Qubit 1", 500, 8, 0.2),
        ("x", "Qubit 1", 500, 8, -0.2),
        ("rz", "Qubit 1", 490, 0, 0.0),
    }


def pulses(figure: Any) -> set[tuple[Any, ...]]:
    """Return (gate, channel, begin, duration) of what the official figure draws as boxes, a trace for each."""
    rows = dict(zip(figure.layout.yaxis.tickvals, figure.layout.yaxis.ticktext, strict=True))
    boxes = [trace for trace in figure.data if trace.name != "rz"]
    return {(box.name, rows[round(box.y[0])], box.x[0], box.x[2] - box.x[0]) for box in boxes}


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"filter_readout_channels": True, "filter_barriers": True},
        {"merge_common_instructions": True, "included_channels": ["Qubit 1", "Qubit 0"]},
    ],
)
def test_the_figure_shows_what_the_official_one_shows(options: dict[str, Any]) -> None:
    ours, theirs = (draw(TEXT, **options) for draw in (draw_circuit_schedule_timing, official))

    assert {step[:4] for step in shown(ours) if step[0] != "rz"} == pulses(theirs)
    assert list(ours.layout.yaxis.ticktext) == list(theirs.layout.yaxis.ticktext)


def test_what_follows_without_a_pause_can_be_one() -> None:
    drawn = shown(draw_circuit_schedule_timing(TEXT, merge_common_instructions=True))

    assert {step for step in drawn if step[0] == "reset"} == {
        ("reset", "Qubit 0", 7, 180, 0.0),
        ("reset", "AWGR0_0", 118, 325, 0.0),
    }


@pytest.mark.parametrize(
    ("options", "channels", "gates"),
    [
        ({"filter_readout_channels": True}, ["Qubit 0", "Qubit 1"], {"barrier", "reset", "x", "rz"}),
        ({"filter_barriers": True}, ["AWGR0_0", "Qubit 0", "Qubit 1"], {"reset", "x", "rz"}),
        ({"included_channels": ["Qubit 1", "AWGR0_0"]}, ["AWGR0_0", "Qubit 1"], {"reset", "x", "rz"}),
    ],
)
def test_what_is_filtered_is_gone(options: dict[str, Any], channels: list[str], gates: set[str]) -> None:
    figure = draw_circuit_schedule_timing(TEXT, **options, width=900)

    assert list(figure.layout.yaxis.ticktext) == channels
    assert {trace.name for trace in figure.data} == gates
    assert figure.layout.width == 900


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (7, "A schedule is a str"),
        ("main,x_0,Qubit 0,5\n", "not branch,instruction,channel,begin,duration,pulse: 'main,x_0,Qubit 0,5'"),
        ("main,x_0,Qubit 0,a,8,play", "not branch,instruction"),
        ("loop,x_0,Qubit 0,5,8,play", "one of main, then, else, not 'loop'"),
        ("", "Nothing of the schedule"),
    ],
)
def test_what_is_no_schedule_is_refused(text: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        draw_circuit_schedule_timing(text)


def test_the_schedule_of_a_result_is_drawn(service: Any) -> None:
    backend = service.backend("local_heron")
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure_all()
    sampler = SamplerV2(backend, options={"program": "executor", "execution": {"scheduler_timing": True}})
    isa = generate_preset_pass_manager(1, backend).run(circuit)

    result = sampler.run([isa], shots=10).result()[0]
    figure = draw_circuit_schedule_timing(result.metadata["compilation"]["scheduler_timing"]["timing"])

    assert {"cz", "sx", "measure", "barrier"} <= {trace.name for trace in figure.data}
