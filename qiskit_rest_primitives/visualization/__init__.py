"""Figures of results, of schedules and of learned noise."""

from typing import TYPE_CHECKING

from .._doors import door

if TYPE_CHECKING:
    from .noise import draw_layer_error_map as draw_layer_error_map
    from .noise import draw_layer_errors_swarm as draw_layer_errors_swarm
    from .schedules import draw_circuit_schedule_timing as draw_circuit_schedule_timing
    from .spans import draw_chunk_timings as draw_chunk_timings
    from .spans import draw_execution_spans as draw_execution_spans
    from .zne import draw_zne_evs as draw_zne_evs
    from .zne import draw_zne_extrapolators as draw_zne_extrapolators

__all__, __getattr__, __dir__ = door(
    __name__,
    {
        "visualization.noise": "draw_layer_error_map draw_layer_errors_swarm",
        "visualization.schedules": "draw_circuit_schedule_timing",
        "visualization.spans": "draw_chunk_timings draw_execution_spans",
        "visualization.zne": "draw_zne_evs draw_zne_extrapolators",
    },
    modules="embeddings",
    files={
        "draw_chunk_timings": "draw_chunk_timings",
        "draw_circuit_schedule_timings": "draw_circuit_schedule_timing",
        "draw_execution_spans": "draw_execution_spans",
        "draw_layer_error": "draw_layer_error_map draw_layer_errors_swarm",
        "draw_zne": "draw_zne_evs draw_zne_extrapolators",
    },
)
