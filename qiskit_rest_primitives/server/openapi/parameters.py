"""The schemas of what a job is submitted with: the envelope, and the params of each program (rest-api.md 4.1 to 4.7)."""

from __future__ import annotations

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
    "options": ANYTHING,
}  # fmt: skip
_LEARNING: dict[str, Schema] = {
    "shots_per_randomization": WHOLE | {"minimum": 1, "default": 128},
    "num_randomizations": WHOLE | {"minimum": 1, "default": 32}, "layer_pair_depths": several(WHOLE | {"minimum": 0}),
}  # fmt: skip
_CHECK = closed({}, {"enable": FLAG, "x_pulse_type": words("xslow", "rx"), "strategy": words("node", "edge")})
_ENVELOPE: dict[str, Schema] = {
    "tags": TAGS, "log_level": TEXT | {"description": "critical, error, warning, info or debug, in any case."},
    "cost": WHOLE | {"minimum": 0, "description": "Hard limit of the run time, seconds."},
    "session_id": TEXT | {"maxLength": 36}, "private": FLAG, "runtime": TEXT, "calibration_id": TEXT,
}  # fmt: skip


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
            "max_layers_to_learn": {"type": ["integer", "null"], "minimum": 0, "default": 4}, **_LEARNING,
            "twirling_strategy": words("active", "active-accum", "active-circuit", "all"), "simulator": ANYTHING,
            "experimental": ANYTHING,
            "support_qiskit": FLAG | {"description": "The answer is in the typed form anyway."},
        }),
    }),
    "BoxLearnerParams": closed({
        "schema_version": words("v0.1", "v0.2", "v0.3"),
        "instructions": extensible({"circuit_b64": TEXT}, {"qpy_version": WHOLE}),
    }, {
        "version": {"const": 3}, "support_qiskit": FLAG,
        "options": closed({}, {
            **_LEARNING, "bit_flip_checks": closed({}, {"pre_circuit": _CHECK, "post_circuit": _CHECK}),
            "post_selection": _CHECK, "init_qubits": FLAG, "rep_delay": {"type": ["number", "null"]},
            "experimental": ANYTHING,
        }),
    }),
    "CalibrateParams": extensible({
        "schema_version": words("v0.1"), "options": extensible({}, {"experimental": ANYTHING}),
    }),
    "ProgramParams": ANYTHING,
    "SamplerParams": closed(_PARAMS, _MORE_PARAMS | {"shots": {"type": ["integer", "null"], "minimum": 1}}),
    "EstimatorParams": closed(
        _PARAMS,
        _MORE_PARAMS | {"precision": {"type": ["number", "null"], "exclusiveMinimum": 0}, "resilience_level": WHOLE},
    ),
}  # fmt: skip
