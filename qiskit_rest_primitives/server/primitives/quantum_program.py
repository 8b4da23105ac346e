"""Reading the params of an ``executor`` job: its circuits, what to bind to them, what to hand back (rest-api.md 4.7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ...wire.quantum_program import VERSIONS, ProgramItem, is_compressed, load_items
from ..job_errors import ParamsError
from ..json_schema import ANYTHING, FLAG, TEXT, WHOLE, check, extensible, several, words
from ..learning.learner_options import experimental_of
from .options import SIMULATOR

_HONOURED = {"seed_simulator", "noise_model", "layer_noise_model", "method"}
MEASUREMENTS = ("classified", "kerneled", "avg_kerneled", "both")
_ITEM = extensible({}, {
    "item_type": words("circuit", "samplex"), "shape": several(WHOLE | {"minimum": 0}) | {"title": "a list of sizes"},
    "chunk_size": {"anyOf": [words("auto"), WHOLE | {"minimum": 1}]},
})  # fmt: skip
_SAMPLEX_ITEM = extensible(
    {"samplex": extensible({"samplex_json": TEXT}) | {"title": "an object with samplex_json"}},
    {"samplex_arguments": ANYTHING},
)
EXECUTOR_PARAMS = extensible({
    "schema_version": words(*VERSIONS),
    "quantum_program": extensible({"shots": WHOLE | {"minimum": 1}, "items": several(_ITEM)}, {
        "meas_level": words(*MEASUREMENTS), "semantic_role": {"type": ["string", "null"], "title": "text or null"},
    }),
}, {"options": ANYTHING, "support_qiskit": FLAG})  # fmt: skip
"""The params that are taken."""


@dataclass(frozen=True)
class ExecutorJob:
    """An ``executor`` job, read.

    Attributes:
        version: Its schema version, which is that of the result too.
        shots: Shots of every bound circuit.
        items: One per circuit.
        meas_level: One of ``MEASUREMENTS``.
        passthrough_data: Any JSON, returned as it came.
        semantic_role: Returned as it came.
        without_effect: Names of options that were asked for and that change nothing here, whatever the device.
        scheduler_timing: Whether items are to say how their circuits are scheduled.
        simulator: What the options ask of a simulator: ``seed_simulator``, ``noise_model``, ``layer_noise_model``, ``method``. The
            schema has no place for them, so this server reads them from ``options.experimental.simulator``.
    """

    version: str
    shots: int
    items: tuple[ProgramItem, ...]
    meas_level: str
    passthrough_data: Any
    semantic_role: str | None
    without_effect: tuple[str, ...]
    simulator: Mapping[str, Any] = field(default_factory=dict)
    scheduler_timing: bool = False

    @property
    def compressed(self) -> bool:
        """Whether arrays travel compressed."""
        return is_compressed(self.version)


def check_program(params: Any) -> None:
    """Check what can be checked without reading a circuit or an array."""
    check(EXECUTOR_PARAMS, params, "params")
    check(SIMULATOR, experimental_of(params.get("options") or {})[1], "params.options.experimental.simulator")
    items = params["quantum_program"]["items"]
    for index, item in enumerate(items):
        if item.get("item_type", "circuit") == "samplex":
            check(_SAMPLEX_ITEM, item, f"params.quantum_program.items[{index}]")
    sizes = [item.get("chunk_size", "auto") == "auto" for item in items]
    if len(set(sizes)) > 1:
        raise ParamsError(
            "params.quantum_program.items: chunk_size must be 'auto' for all items or for none."
        )


def load_program(params: Mapping[str, Any]) -> ExecutorJob:
    """Read an ``executor`` job that ``check_program`` has seen."""
    version, document = params["schema_version"], params["quantum_program"]
    options = params.get("options") or {}
    return ExecutorJob(
        version=version,
        shots=document["shots"],
        items=load_items(document, version),
        meas_level=document.get("meas_level") or "classified",
        passthrough_data=document.get("passthrough_data"),
        semantic_role=document.get("semantic_role"),
        without_effect=tuple(name for name in without_effect(options) if name != "scheduler_timing"),
        scheduler_timing=bool(options.get("scheduler_timing")),
        simulator=experimental_of(options)[1],
    )


def without_effect(options: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of the options that a job asks for and that change nothing on this server.

    ``scheduler_timing``, which is among them, has an effect on devices whose target has durations.
    """
    experimental, simulator = experimental_of(options)
    asked = {
        "init_qubits": options.get("init_qubits") is False,
        "rep_delay": options.get("rep_delay") is not None,
        "scheduler_timing": options.get("scheduler_timing"),
        "stretch_values": options.get("stretch_values"),
        "experimental": set(experimental) - {"simulator"},
    }
    others = set(simulator) - _HONOURED
    return (
        *(name for name, wanted in asked.items() if wanted),
        *(f"simulator.{name}" for name in sorted(others)),
    )
