"""Records of the service's documents: tolerant of what is new, exact about what is known."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from qiskit_rest_primitives.wire.models import (
    DeviceRecord,
    JobPage,
    JobRecord,
    SessionRecord,
)

JOB = {
    # Made up after rest-api.md 4.8.
    "id": "d0a1b2c3d4e5f6g7h8i0",
    "backend": "ibm_fez",
    "program": {"id": "sampler"},
    "created": "2026-08-21T10:00:00.123456Z",
    "cost": 60,
    "status": "Failed",
    "state": {"status": "Failed", "reason": "no", "reason_code": 1517, "reason_solution": "transpile"},
    "tags": ["demo"],
    "usage": {"qpu_charge_time_seconds": 2, "status": "complete"},
    "something_new": 1,
}


def test_job_document_is_read() -> None:
    record = JobRecord.from_wire(JOB)

    assert (record.id, record.status, record.reason, record.reason_code) == (JOB["id"], "Failed", "no", 1517)
    assert (record.program_id, record.tags, record.cost, record.private) == ("sampler", ("demo",), 60, False)
    assert record.created == datetime(2026, 8, 21, 10, 0, 0, 123456, tzinfo=timezone.utc)
    assert record.raw is JOB


def test_legacy_reason_code_spelling_is_read() -> None:
    record = JobRecord.from_wire({"id": "x", "state": {"status": "Cancelled", "reasonCode": "1305"}})

    assert (record.status, record.reason_code) == ("Cancelled", 1305)


@pytest.mark.parametrize(
    ("status", "final"),
    [
        ("Queued", False),
        ("RUNNING", False),
        ("Completed", True),
        ("cancelled", True),
        ("Cancelled - Ran too long", True),
        ("Pondering", False),
    ],
)
def test_final_states_are_known_whatever_their_case(status: str, final: bool) -> None:
    assert JobRecord.from_wire({"id": "x", "state": {"status": status}}).final is final


def test_job_without_id_is_refused() -> None:
    with pytest.raises(KeyError):
        JobRecord.from_wire({})


def test_page_without_count_counts_its_jobs() -> None:
    assert JobPage.from_wire({"jobs": [JOB]}).count == 1


def test_session_document_round_trips() -> None:
    document = SessionRecord(
        id="s", mode="batch", timestamps=({"status": "open", "timestamp": "t"},)
    ).to_wire()

    assert SessionRecord.from_wire(document).to_wire() == document


def test_devices_are_read_in_both_dialects() -> None:
    named = DeviceRecord.from_wire("ibm_fez")
    full = DeviceRecord.from_wire(
        {
            "name": "ibm_fez",
            "status": {"name": "paused", "reason": "calibration"},
            "queue_length": 7,
            "qubits": 156,
        }
    )

    assert (named.name, named.status) == ("ibm_fez", "online")
    assert (full.status, full.reason, full.queue_length, full.qubits) == ("paused", "calibration", 7, 156)
