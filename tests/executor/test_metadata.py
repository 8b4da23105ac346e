"""Results over ``executor`` tell what those of the programs ``sampler`` and ``estimator`` tell, and more."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

import pytest
from qiskit import QuantumCircuit

from qiskit_rest_primitives import EstimatorV2, SamplerV2
from qiskit_rest_primitives.json import RuntimeDecoder, RuntimeEncoder

pytest.importorskip("qiskit_mitigation", reason="pip install 'qiskit-rest-primitives[executor]'")
pytestmark = pytest.mark.filterwarnings(
    "ignore:These options have no effect", "ignore:dynamical_decoupling has no effect"
)

ACT = {"twirling.enable_gates", "resilience.zne_mitigation", "resilience.zne.amplifier"}
"""Options that the local server's own programs name as without effect, and that have one over ``executor``."""
ELSEWHERE = {"simulation", "options_without_effect", "execution_spans", "timing"}
"""What is compared by itself, or holds times."""


def circuit() -> QuantumCircuit:
    made = QuantumCircuit(2, metadata={"of": "mine", "pair": (1, 2), "no form": print, 3: {4}})
    made.sx(0)
    made.cz(0, 1)
    return made


def assert_told(mine: Mapping[str, Any], theirs: Mapping[str, Any], but: set[str]) -> None:
    """Compare all that the server's program tells with what is told over ``executor``."""
    assert mine.keys() >= theirs.keys() - {"options_without_effect"}
    for name in theirs.keys() - but - ELSEWHERE:
        if isinstance(theirs[name], dict) and isinstance(mine[name], dict):
            assert_told(mine[name], theirs[name], but)
        else:
            same = pytest.approx(theirs[name]) if isinstance(theirs[name], float) else theirs[name]
            assert mine[name] == same, name


def both(kind: Any, backend: Any, pubs: Any, **options: Any) -> tuple[Any, Any]:
    mine, theirs = (
        kind(backend, options={"program": program, **options}).run(pubs).result()
        for program in ("executor", "server")
    )
    return mine, theirs


def compare(mine: Any, theirs: Any, place: str, but: set[str]) -> None:
    here, there = (set(result.metadata.get("options_without_effect", ())) for result in (mine, theirs))
    # The client puts pulses into circuits of every device whose instructions take time.
    assert here == there - ACT - ({"dynamical_decoupling"} if place == "local_heron" else set())
    assert_told(mine.metadata, theirs.metadata, but)
    for left, right in zip(mine, theirs, strict=True):
        assert set(left.data) >= set(right.data)
        assert_told(left.metadata, right.metadata, but)
        assert left.metadata["simulation"].keys() == right.metadata["simulation"].keys()


def assert_survives(result: Any) -> None:
    """Compare a result with what is read of its JSON; what has no form there is taken out of its metadata."""
    for pub in result:
        pub.metadata["circuit_metadata"] = {}
    again = json.loads(json.dumps(result, cls=RuntimeEncoder), cls=RuntimeDecoder)
    times = result.metadata["executor"]  # of each part of the run(), if there are several
    assert again.metadata["executor"] == (
        [part.to_json() for part in times] if isinstance(times, list) else times.to_json()
    )
    assert again.metadata.keys() == result.metadata.keys()
    for left, right in zip(again, result, strict=True):
        assert left.metadata.keys() == right.metadata.keys()
        assert list(left.data) == list(right.data)


PLACES = ["aer_simulator", "local_heron"]
ASKED = {
    "plain": {},
    "execution": {"execution": {"init_qubits": False, "rep_delay": 250e-6, "scheduler_timing": True}},
    "pulses": {"dynamical_decoupling": {"enable": True}},
    "twirling": {"twirling": {"enable_gates": True, "enable_measure": True, "num_randomizations": 2}},
    "experimental": {"experimental": {"foo": 1}},
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("asked", ASKED)
def test_what_samplers_tell(asked: str, place: str, service: Any, caplog: Any) -> None:
    pubs = [circuit().measure_all(inplace=False), (circuit().measure_all(inplace=False), None, 64)]

    with caplog.at_level(logging.WARNING):
        mine, theirs = both(SamplerV2, service.backend(place), pubs, default_shots=50, **ASKED[asked])

    compare(mine, theirs, place, set())
    assert mine[0].metadata["circuit_metadata"] == circuit().metadata
    assert_survives(mine)
    assert "'no form' of a circuit is lost to jobs that are reopened by id" in caplog.text


LEVELS = {
    **{name: {"resilience_level": 0, **options} for name, options in ASKED.items()},
    "readout": {"resilience_level": 1},
    "folded": {"resilience": {"zne_mitigation": True, "zne": {"extrapolator": "linear"}}},
    "coupled": {"simulator": {"coupling_map": [[0, 1]]}},
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("asked", LEVELS)
def test_what_estimators_tell(asked: str, place: str, service: Any) -> None:
    if asked == "coupled" and place != "aer_simulator":
        pytest.skip("devices have a coupling map of their own")
    observables = ["ZZ", "XX", "ZI"]
    pubs = [
        (circuit(), observables),
        (circuit(), observables, None, 0.25),
    ]
    if place == "local_heron":
        wide = [QuantumCircuit(156, metadata=circuit().metadata).compose(circuit(), [0, 1])] * 2
        pubs = [
            (made, [154 * "I" + one for one in observables], *pub[2:])
            for made, pub in zip(wide, pubs, strict=True)
        ]

    mine, theirs = both(EstimatorV2, service.backend(place), pubs, default_precision=0.2, **LEVELS[asked])

    # Folding over ``executor`` is folding on simulators without noise, too.
    but = {"extrapolator", "extrapolators", "circuit_duration"}  # that of an item is with the measurements
    compare(mine, theirs, place, but)
    assert mine[1].metadata["circuit_metadata"] == circuit().metadata
    assert_survives(mine)


@pytest.mark.parametrize("kind", [SamplerV2, EstimatorV2])
def test_results_of_quantum_programs_have_one_form(kind: Any, service: Any) -> None:
    pub = circuit().measure_all(inplace=False) if kind is SamplerV2 else (circuit(), "ZZ")
    primitive = kind(
        service.backend("aer_simulator"), options={"program": "executor", "support_qiskit": False}
    )

    with pytest.warns(UserWarning, match="support_qiskit = False has no effect"):
        result = primitive.run([pub]).result()

    assert result.metadata["options_without_effect"] == ["support_qiskit"]
