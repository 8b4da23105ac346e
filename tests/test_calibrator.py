"""``Calibrator``: calibrations are ordered in sessions."""

from __future__ import annotations

from typing import Any

import pytest

from qiskit_rest_primitives import Calibrator, IBMInputValueError, Session
from qiskit_rest_primitives.learning_options import CalibratorOptions


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
