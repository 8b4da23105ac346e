"""``Calibrator``: calibrations are ordered in sessions."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest

from qiskit_rest_primitives import Calibrator, IBMInputValueError, IBMRuntimeError, Session
from qiskit_rest_primitives.options.noise_learner import CalibratorOptions
from qiskit_rest_primitives.results.calibrator import CalibratorResult, dump_order


@pytest.fixture
def heron(service: Any) -> Any:
    return service.backend("local_heron")


def test_mode_and_options_are_those_of_every_primitive(heron: Any) -> None:
    options = CalibratorOptions(experimental={"x": 1, "image": "a:b"}, environment={"job_tags": ["t"]})

    with Session(backend=heron) as session:
        calibrator = Calibrator(options=options)

    assert (calibrator.mode, calibrator.backend(), calibrator.options) == (session, heron, options)
    wire = calibrator.options.to_wire()
    assert wire.options == {"x": 1}
    assert wire.envelope == {"log_level": "warning", "tags": ["t"], "runtime": "a:b"}
    with pytest.raises(IBMInputValueError, match="There is no option 'shots' in CalibratorOptions"):
        calibrator.options = {"shots": 3}


def test_without_a_session_nothing_is_sent(heron: Any, traffic: list[str]) -> None:
    calibrator = Calibrator(heron)
    traffic.clear()

    with pytest.raises(IBMInputValueError, match="runs in a session only"):
        calibrator.run()
    assert traffic == []


def test_a_calibration_of_a_session_answers_when_it_was(service: Any, heron: Any) -> None:
    before = datetime.now(timezone.utc)
    with Session(backend=heron) as session:
        job = Calibrator(options={"environment": {"job_tags": ["calibrated"]}}).run()
        result = job.result()

    again = service.job(job.job_id())

    assert isinstance(result, CalibratorResult)
    assert before <= result.start <= result.stop <= datetime.now(timezone.utc)
    assert vars(again.result()) == vars(result)
    assert (again.primitive_id, again.session_id, again.tags) == (
        "calibrate",
        session.session_id,
        ["calibrated"],
    )
    assert again.inputs["options"] == CalibratorOptions(experimental={})


def test_the_server_refuses_a_calibration_without_a_session(service: Any, heron: Any) -> None:
    with pytest.raises(IBMRuntimeError, match="runs in a session only") as refused:
        service._run("calibrate", dump_order({}), {"backend": heron})
    assert refused.value.status_code == 400
    with Session(backend=heron) as session, pytest.raises(IBMRuntimeError, match="schema_version"):
        service._run("calibrate", {}, {"backend": heron}, session_id=session.session_id)
