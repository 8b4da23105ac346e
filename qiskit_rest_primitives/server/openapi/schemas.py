"""The schemas of the OpenAPI document: what the server takes (rest-api.md 4.1 to 4.7), and what it answers."""

from __future__ import annotations

from ..json_schema import (
    ANYTHING,
    FLAG,
    NO_TIME,
    NUMBER,
    TEXT,
    TIME,
    WHOLE,
    Schema,
    closed,
    extensible,
    ref,
    several,
    words,
)
from ..primitives.registry import PROGRAMS

TAGS: Schema = {"type": "array", "items": {"type": "string", "maxLength": 86}, "maxItems": 8}

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
    **{name: schema for it in PROGRAMS.values() for name, schema in it.schemas.items()},
    "ProgramParams": ANYTHING,
}
STATUS = words("Queued", "Running", "Completed", "Failed", "Cancelled")
USAGE = closed({"qpu_charge_time_seconds": NUMBER, "status": words("pending", "complete")})
CODE: Schema = {"type": ["integer", "string"]}
NANOSECONDS: Schema = {"type": "integer", "minimum": 0}

_ERROR_ENTRY = closed({"code": CODE, "message": TEXT, "more_info": TEXT}, {"solution": TEXT})
_STATE = closed({"status": STATUS}, {"reason": TEXT, "reason_code": WHOLE, "reason_solution": TEXT})
_DEVICE = closed({
    "name": TEXT, "status": closed({"name": words("online", "paused", "offline")}), "is_simulator": FLAG,
    "qubits": WHOLE, "queue_length": WHOLE,
}, {
    "class": words("mock"), "processor_type": ANYTHING,
    "wait_time_seconds": closed({"average": NUMBER, "p50": NUMBER, "p95": NUMBER}),
})  # fmt: skip
_GATE = extensible({"name": TEXT, "parameters": several(TEXT), "qasm_def": {"type": ["string", "null"]}})
_NDUV = extensible({"date": TEXT, "name": TEXT, "unit": TEXT, "value": NUMBER})
_TOTALS = {
    name: WHOLE
    for group in ("sessions", "batch_sessions", "dedicated_sessions", "individual_jobs")
    for name in (group, f"{group}_usage", f"avg_{group}_usage", f"max_{group}_usage")
} | dict.fromkeys(("usage", "jobs", "queue_time", "avg_queue_time", "max_queue_time"), WHOLE)
_WORKLOAD = closed({
    "id": TEXT, "created": TIME, "ended": NO_TIME, "backend": TEXT, "instance": TEXT, "user_id": TEXT,
    "accepting_jobs": {"type": ["boolean", "null"]}, "mode": words("job", "session", "batch"),
    "status": words("pending", "in_progress", "failed", "completed", "canceled"),
    "status_reason": {"type": ["string", "null"]}, "tags": TAGS, "usage_seconds": NUMBER, "usage": USAGE,
}, {"estimated_running_time_seconds": NUMBER})  # fmt: skip
_PLAN = closed({
    "plan_id": TEXT, "backends": several(TEXT), "max_ttl": WHOLE, "active_ttl": WHOLE, "interactive_ttl": WHOLE,
})  # fmt: skip
_OLD_QUEUE: dict[str, Schema] = {
    "bss": closed({"seconds": NUMBER}), "position_in_queue": {"type": ["integer", "null"]},
    "position_in_provider": {"type": ["integer", "null"]}, "num_circuits": WHOLE,
}  # fmt: skip
_SPEC = closed(
    {}, dict.fromkeys(("backend_requirements", "parameters", "return_values", "interim_results"), ANYTHING),
)  # fmt: skip
_PROGRAM = {"name": TEXT, "description": TEXT, "cost": WHOLE, "is_public": FLAG, "spec": _SPEC}
_TTL: Schema = {"type": "integer", "minimum": 1, "maximum": 2**31 - 1}

SCHEMAS: dict[str, Schema] = {
    **SUBMISSIONS,
    "Error": closed({"errors": several(_ERROR_ENTRY), "trace": TEXT}),
    "TokenError": closed({"errorCode": TEXT, "errorMessage": TEXT, "context": closed({"requestId": TEXT})}),
    "Token": closed({
        "access_token": TEXT, "refresh_token": TEXT, "token_type": words("Bearer"), "expires_in": WHOLE,
        "expiration": WHOLE, "scope": TEXT,
    }),
    "Versions": closed({
        "versions": several(closed({"version": TEXT, "status": words("live", "deprecated")}, {"sunset_date": TEXT})),
    }),
    "Health": closed({"status": words("ok"), "version": TEXT, "queued": WHOLE, "running": WHOLE}),
    "Backends": closed({"devices": {"anyOf": [several(_DEVICE), several(TEXT)]}}),
    "Configuration": extensible({
        "backend_name": TEXT, "backend_version": TEXT, "n_qubits": WHOLE, "basis_gates": several(TEXT),
        "gates": several(_GATE), "local": FLAG, "simulator": FLAG, "conditional": FLAG, "open_pulse": FLAG,
        "memory": FLAG, "coupling_map": {"type": ["array", "null"]}, "online_date": TEXT,
    }),
    "Properties": extensible({
        "backend_name": TEXT, "backend_version": TEXT, "last_update_date": TEXT, "qubits": several(several(_NDUV)),
        "gates": several(extensible({"qubits": several(WHOLE), "gate": TEXT, "parameters": several(_NDUV)})),
        "general": several(_NDUV),
    }) | {"type": ["object", "null"]},
    "BackendStatus": closed({
        "state": FLAG, "status": TEXT, "message": TEXT, "length_queue": WHOLE, "backend_version": TEXT,
    }),
    "Created": closed({"id": TEXT | {"pattern": "^[0-9a-v]{20}$"}, "backend": TEXT}, {
        "session_id": TEXT, "private": {"const": True}, "calibration_id": TEXT,
    }),
    "Job": closed({
        "id": TEXT, "backend": TEXT, "program": closed({"id": TEXT}), "created": TIME, "cost": WHOLE,
        "status": STATUS, "state": _STATE, "tags": TAGS, "user_id": TEXT, "estimated_running_time_seconds": NUMBER,
        "usage": {"anyOf": [USAGE, closed({"seconds": NUMBER})]},
    }, {"session_id": TEXT, "runtime": TEXT, "calibration_id": TEXT, "private": {"const": True}, "params": ANYTHING}),
    "Jobs": closed({"jobs": several(ref("Job")), "count": WHOLE, "limit": WHOLE, "offset": WHOLE}),
    "Metrics": closed(
        {
            "timestamps": closed({"created": TIME, "running": NO_TIME, "finished": NO_TIME}),
            "usage": {
                "anyOf": [
                    USAGE, closed(USAGE["properties"], {"circuits_execution_time_ns": NANOSECONDS}),
                    closed({"quantum_seconds": NUMBER, "seconds": NUMBER}),
                ],
            },
        },
        _OLD_QUEUE | {"circuits_execution_time_ns": NANOSECONDS, "runtime": TEXT, "qiskit_version": TEXT},
    ),
    "Result": {
        "description": "Of a primitive: an object in the plain or the typed form, as params.support_qiskit asked"
        " (rest-api.md 4.11, 4.12). Of a program: whatever it returned.",
    },
    "Program": closed(
        _PROGRAM | {"id": TEXT, "creation_date": TIME, "update_date": TIME},
        {"data": TEXT | {"description": "Source text; only for the instance that owns the program."}},
    ),
    "Programs": closed({"programs": several(ref("Program")), "count": WHOLE}),
    "NewProgram": extensible(
        {"name": TEXT, "data": TEXT | {"contentEncoding": "base64"}},
        {key: value for key, value in _PROGRAM.items() if key != "name"},
    ),
    "ProgramForm": extensible(
        {"name": TEXT, "program": TEXT | {"description": "A file: the source."}},
        dict.fromkeys(("cost", "max_execution_time", "description"), TEXT) | dict.fromkeys(
            ("backendRequirements", "parameters", "returnValues", "interimResults"),
            TEXT | {"contentMediaType": "application/json"},
        ),
    ),
    "ProgramChange": extensible({}, {key: value for key, value in _PROGRAM.items() if key != "is_public"}),
    "Source": TEXT | {"contentEncoding": "base64"},
    "NewId": closed({"id": TEXT}),
    "TranspileOrder": extensible({}, {
        "qasm_circuits": {"type": ["string", "array"]}, "qpy_circuits": {"type": ["string", "null"]},
        "backend_coupling_map": {"type": ["array", "null"]}, "qiskit_transpile_options": {"type": ["object", "null"]},
    }),
    "TranspileError": {"anyOf": [ref("Error"), closed({"detail": TEXT})]},
    "TranspileTask": closed({"task_id": TEXT}),
    "Transpilation": closed({"task_id": TEXT, "state": words("PENDING", "SUCCESS", "FAILURE"), "result": {}}, {
        "message": TEXT, "error": TEXT,
    }),
    "NewTags": extensible({"tags": TAGS}),
    "Tags": closed({"tags": several(TEXT)}),
    "NewSession": extensible({"mode": words("dedicated", "batch"), "backend": TEXT}, {
        "max_ttl": _TTL, "active_ttl": _TTL, "interactive_ttl": _TTL, "instance": TEXT,
    }),
    "SessionChange": extensible({"accepting_jobs": FLAG}),
    "Session": closed({
        "id": TEXT, "backend_name": TEXT, "mode": words("dedicated", "batch"),
        "state": words("open", "active", "inactive", "closed"), "state_reason": TEXT, "accepting_jobs": FLAG,
        "interactive_ttl": WHOLE, "max_ttl": WHOLE, "active_ttl": WHOLE,
        "timestamps": several(closed({"status": TEXT, "timestamp": TIME})),
        "elapsed_time": {"type": ["number", "null"]}, "user_id": TEXT,
    } | dict.fromkeys(("started_at", "activated_at", "closed_at", "last_job_started", "last_job_completed"), NO_TIME)),
    "Usage": closed({
        "instance_id": TEXT, "plan_id": TEXT, "usage_period": closed({"start_time": TIME, "end_time": TIME}),
        "usage_consumed_seconds": NUMBER, "usage_limit_reached": FLAG,
    }, {"usage_limit_seconds": WHOLE}),
    "Instance": closed({"backends": several(TEXT), "plan_id": TEXT}, {
        "instance_limit": WHOLE, "instance_limit_seconds": TEXT,
    }),
    "InstanceConfiguration": closed({"instance_limit": {"type": ["integer", "null"], "minimum": 0}}),
    "Account": closed({"plans": several(_PLAN)}),
    "Workloads": closed({"workloads": several(_WORKLOAD), "total_count": WHOLE, "limit": WHOLE}, {
        "next": closed({"href": TEXT}), "previous": closed({"href": TEXT}),
    }),
    "Totals": closed(_TOTALS),
    "GroupedTotals": closed({"data": several(closed({"key": {"type": ["string", "null"]}} | _TOTALS))}),
    "DatedTotals": closed({
        "data": several(closed({"key": TEXT, "interval_start": TIME, "interval_end": TIME} | _TOTALS)),
    }),
    "AnalyticsFilters": closed({
        "backends": several(closed({"name": TEXT})), "instances": several(closed({"id": TEXT, "deleted": FLAG})),
        "users": several(closed({"id": TEXT})), "plans": several(closed({"name": TEXT})),
    }),
    "Search": closed({
        "items": several(closed({
            "crn": TEXT, "name": TEXT, "service_plan_unique_id": TEXT, "tags": several(TEXT),
            "doc": closed({"extensions": ANYTHING}),
        })),
        "limit": WHOLE,
    }),
    "CatalogEntry": closed({
        "id": TEXT, "name": TEXT, "kind": words("plan"), "overview_ui": ANYTHING, "metadata": ANYTHING,
    }),
    "LegacyError": closed({"error": closed({"status": WHOLE, "name": TEXT, "code": TEXT, "message": TEXT})}),
    "Login": extensible({"apiToken": TEXT}),
    "LoggedIn": closed({"id": TEXT, "ttl": WHOLE, "created": TIME, "userId": TEXT}),
    "User": closed({
        "id": TEXT, "username": TEXT,
        "urls": closed({"http": TEXT, "ws": TEXT, "services": closed({"runtime": TEXT})}),
    }),
    "Networks": several(closed({"name": TEXT, "title": TEXT, "groups": ANYTHING})),
    "Bookings": several(ANYTHING),
    "LegacyDevices": several(ref("Configuration")),
    "QueueStatus": closed({
        "state": FLAG, "status": TEXT, "message": TEXT, "lengthQueue": WHOLE, "backend_version": TEXT,
    }),
    "LegacyVersion": closed({"new_api": FLAG, "api-server": TEXT, "qiskit": TEXT}),
    "Document": ANYTHING,
    "Nothing": {"type": "null"},
}  # fmt: skip
