"""The server's own programs: their documents, as ``GET /programs`` shows them."""

from __future__ import annotations

from typing import Any

from .store import StoredProgram

_CREATED = 1_640_995_200.0  # 2022
_LONGEST = 10_800
_CIRCUITS = {"description": "A circuit, or a list of circuits.", "type": ["object", "array", "string"]}
_RUN_OPTIONS = {
    "description": "Options of the simulation, such as shots and seed_simulator.",
    "type": "object",
}
_VALUES = {"description": "Values of the parameters, one list per circuit.", "type": "array"}
_INDICES = {"description": "Which circuit each run is of; all in order by default.", "type": "array"}


_CIRCUIT_RUNNER: dict[str, Any] = {
    "circuits": _CIRCUITS,
    "shots": {"description": "Shots of each circuit.", "type": "integer", "default": 4000},
    "optimization_level": {"description": "0 to 3.", "type": "integer", "default": 1},
    "initial_layout": {"description": "Places of the qubits.", "type": ["object", "array", "null"]},
    "layout_method": {"description": "Qiskit's name of it.", "type": ["string", "null"]},
    "routing_method": {"description": "Qiskit's name of it.", "type": ["string", "null"]},
    "translation_method": {"description": "Qiskit's name of it.", "type": ["string", "null"]},
    "seed_transpiler": {"description": "Makes transpiling repeatable.", "type": ["integer", "null"]},
    "seed_simulator": {"description": "Makes the simulation repeatable.", "type": ["integer", "null"]},
    "skip_transpilation": {"description": "Run as they are.", "type": "boolean", "default": False},
    "memory": {"description": "Keep each shot's outcome.", "type": "boolean", "default": False},
}
_SAMPLER: dict[str, Any] = {
    "pubs": {"description": "PUBs of the V2 primitive.", "type": "array"},
    "circuits": _CIRCUITS,
    "circuit_indices": _INDICES,
    "parameter_values": _VALUES,
    "run_options": _RUN_OPTIONS,
    "transpilation_settings": {
        "description": "skip_transpilation, optimization_settings.level, and options of Qiskit's transpiler.",
        "type": "object",
    },
}
_ESTIMATOR: dict[str, Any] = {
    **_SAMPLER,
    "observables": {"description": "An observable, or a list of them.", "type": ["object", "array"]},
    "observable_indices": {"description": "Which observable each run is of.", "type": "array"},
}
_HELLO_WORLD: dict[str, Any] = {
    "iterations": {
        "description": "Number of random circuits.",
        "type": "integer",
        "minimum": 0,
        "maximum": 1000,
        "default": 1,
    }
}


def own_programs() -> list[StoredProgram]:
    """Return the server's own programs, which are the functions of ``bundled``."""
    return [
        _program(
            "circuit-runner",
            "Transpiles circuits for the backend and runs them.",
            _CIRCUIT_RUNNER,
            "circuits",
        ),
        _program(
            "sampler",
            "Samples circuits. With pubs: the V2 primitive. With circuits: quasi-probabilities, as V1 gave them.",
            _SAMPLER,
        ),
        _program(
            "estimator",
            "Estimates expectation values. With pubs: the V2 primitive. With circuits and observables: as V1 did.",
            _ESTIMATOR,
        ),
        _program(
            "hello-world",
            "Runs random circuits and publishes the counts of each: a program to try things out with.",
            _HELLO_WORLD,
        ),
    ]


def _program(name: str, description: str, inputs: dict[str, Any], *required: str) -> StoredProgram:
    schema = {
        "$schema": "https://json-schema.org/draft/2019-09/schema",
        "type": "object",
        "properties": inputs,
    }
    return StoredProgram(
        id=name,
        instance="",
        name=name,
        description=description,
        cost=_LONGEST,
        created=_CREATED,
        updated=_CREATED,
        public=True,
        spec={"parameters": {**schema, "required": list(required)}},
        source=f"from {__package__}.bundled import {name.replace('-', '_')} as main\n",
    )
