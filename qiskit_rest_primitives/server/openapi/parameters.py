"""The schemas of what a job is submitted with: the envelope, and the params of each program (rest-api.md 4.1 to 4.7)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...options.base import OptionGroup
from ...options.noise_learner import (
    NoiseLearnerOptions,
    NoiseLearnerV3Options,
    PostCircuitBitFlipChecksOptions,
)
from ...options.primitives import EstimatorOptions, SamplerOptions
from ..primitives.registry import PROGRAMS
from .json_schema import ANYTHING, FLAG, TEXT, WHOLE, Schema, closed, extensible, ref, several, words

__all__ = ["SUBMISSIONS", "TAGS"]

TAGS: Schema = {"type": "array", "items": {"type": "string", "maxLength": 86}, "maxItems": 8}

_PUBS: Schema = {
    "type": "array", "items": {"type": ["array", "string"]},
    "description": "Sampler: [circuit, values?, shots?]; Estimator: [circuit, observables, values?, precision?].",
}  # fmt: skip
_PARAMS = {"pubs": _PUBS}
_MORE_PARAMS: dict[str, Schema] = {
    "version": {"const": 2}, "support_qiskit": FLAG | {"default": False, "description": "Answer in the typed form."},
}  # fmt: skip
_ENVELOPE: dict[str, Schema] = {
    "tags": TAGS, "log_level": TEXT | {"description": "critical, error, warning, info or debug, in any case."},
    "cost": WHOLE | {"minimum": 0, "description": "Hard limit of the run time, seconds."},
    "session_id": TEXT | {"maxLength": 36}, "private": FLAG, "runtime": TEXT, "calibration_id": TEXT,
}  # fmt: skip


def _options(group: type[OptionGroup], form: Callable[..., Schema] = extensible) -> dict[str, Schema]:
    """Return the schemas of the options that clients send, from their declarations; groups are open or closed by ``form``."""
    return {name: _option(entry, form) for name, entry in group._entries.items() if entry.sent}


def _option(entry: Any, form: Callable[..., Schema]) -> Schema:
    if entry.group is not None:
        return form({}, _options(entry.group, form))
    schema = dict(entry.rule.schema)
    if entry.null:
        schema["type"] = [schema["type"], "null"]
    default = list(entry.service) if type(entry.service) is tuple else entry.service
    if isinstance(default, (bool, int, float, list)) or default in schema.get("enum", ()):
        schema["default"] = default
    return schema


def _submission(params: str, program_id: Schema) -> Schema:
    return extensible({"program_id": program_id, "backend": TEXT, "params": ref(params)}, _ENVELOPE)


SUBMISSIONS: dict[str, Schema] = {
    "Submission": {
        "anyOf": [
            *(_submission(params, {"const": name}) for name, it in PROGRAMS.items() for params in it.schemas),
            _submission("ProgramParams", TEXT | {"description": "Id of a program; backend may be absent."}),
        ],
    },
    "ExecutorParams": extensible({
        "schema_version": words("v0.1", "v0.2", "v1.0", "v1.1", "v2.0"),
        "quantum_program": extensible({"shots": WHOLE | {"minimum": 1}, "items": several(ANYTHING)}),
    }, {"options": ANYTHING}),
    "LearnerParams": closed({"circuits": {"type": "array", "items": {"type": ["string", "object"]}}}, {
        "version": {"const": 2},
        "options": closed({}, {
            **_options(NoiseLearnerOptions), "experimental": ANYTHING,
            "support_qiskit": FLAG | {"description": "The answer is in the typed form anyway."},
        }),
    }),
    "BoxLearnerParams": closed({
        "schema_version": words("v0.1", "v0.2", "v0.3"),
        "instructions": extensible({"circuit_b64": TEXT}, {"qpy_version": WHOLE}),
    }, {
        "version": {"const": 3}, "support_qiskit": FLAG,
        "options": closed({}, {
            **_options(NoiseLearnerV3Options, closed), "post_selection": closed({}, _options(PostCircuitBitFlipChecksOptions)),
            "init_qubits": FLAG, "rep_delay": {"type": ["number", "null"]}, "experimental": ANYTHING,
        }),
    }),
    "CalibrateParams": extensible({
        "schema_version": words("v0.1"), "options": extensible({}, {"experimental": ANYTHING}),
    }),
    "ProgramParams": ANYTHING,
    "SamplerParams": closed(_PARAMS, _MORE_PARAMS | {"options": extensible({}, _options(SamplerOptions)), "shots": {"type": ["integer", "null"], "minimum": 1}}),
    "EstimatorParams": closed(
        _PARAMS,
        _MORE_PARAMS | {"options": extensible({}, _options(EstimatorOptions)), "precision": {"type": ["number", "null"], "exclusiveMinimum": 0}, "resilience_level": WHOLE},
    ),
}  # fmt: skip
