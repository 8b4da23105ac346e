"""Options as the service decides them, and the layers that they make: the same as the official client finds."""

from __future__ import annotations

import itertools
import re
import warnings
from typing import Any

import pytest
from qiskit.circuit import QuantumCircuit
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.transpiler import generate_preset_pass_manager

from qiskit_rest_primitives import EstimatorV2, IBMBackend, SamplerV2
from qiskit_rest_primitives.exceptions import IBMInputValueError

official = pytest.importorskip(
    "qiskit_ibm_runtime.executor_estimator",
    reason="pip install qiskit-ibm-runtime to compare with its newer primitives",
)
official_sampler = pytest.importorskip("qiskit_ibm_runtime.executor_sampler")

# The official client announces changes of its own, and with it Qiskit 2.3 warns of registers of circuits with a layout.
pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning:qiskit_ibm_runtime.*",
    "ignore:Trying to add QuantumRegister to a QuantumCircuit having a layout:UserWarning",
)

SWITCHES = ("measure_mitigation", "zne_mitigation", "pec_mitigation")


def decided(options: Any) -> list[bool]:
    twirling, resilience = options.twirling, getattr(options, "resilience", None)
    switches = [twirling.enable_gates, twirling.enable_measure]
    return switches + [bool(getattr(resilience, name)) for name in SWITCHES if resilience is not None]


def finalized(primitive: Any) -> tuple[list[bool], set[str]]:
    """Return the switches, and the names of twirling that a warning was about."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        options = primitive.finalize_options()
    words = " ".join(str(one.message) for one in caught if one.category is UserWarning)
    return decided(options), set(re.findall(r"twirling\.(enable_\w+) ?=", words))


@pytest.mark.parametrize("level", [0, 1, 2])
@pytest.mark.parametrize("mitigation", [{}, {"measure_mitigation": False}, {"measure_mitigation": True}])
@pytest.mark.parametrize(
    "more",
    [
        {},
        {"zne_mitigation": True},
        {"zne_mitigation": True, "zne": {"amplifier": "pea"}},
        {"zne_mitigation": False, "pec_mitigation": True},
    ],
)
def test_every_switch_is_decided_as_officially(
    level: int, mitigation: dict[str, Any], more: dict[str, Any], service: Any
) -> None:
    backend = service.backend("aer_simulator")
    fake = GenericBackendV2(2, seed=1)
    for gates, measure in itertools.product((None, True, False), repeat=2):
        asked = {"enable_gates": gates, "enable_measure": measure}
        twirling = {name: value for name, value in asked.items() if value is not None}
        options = {"resilience_level": level, "twirling": twirling, "resilience": {**mitigation, **more}}

        mine = finalized(EstimatorV2(backend, options=options))
        theirs = finalized(official.Estimator(fake, options=official_options(options)))

        assert mine == theirs, options


def official_options(options: dict[str, Any]) -> Any:
    from qiskit_ibm_runtime.options_models import EstimatorOptions

    return EstimatorOptions(**options)


def test_deciding_leaves_the_options_alone(service: Any) -> None:
    backend = service.backend("aer_simulator")
    estimator, sampler = (
        EstimatorV2(backend),
        SamplerV2(backend, options={"twirling": {"enable_gates": True}}),
    )
    before = estimator.options.replica()

    assert decided(estimator.finalize_options()) == [False, True, True, False, False]
    assert decided(sampler.finalize_options()) == [True, False]
    assert estimator.options == before
    assert not sampler.options.twirling.enable_measure


def layered(backend: Any) -> QuantumCircuit:
    circuit = QuantumCircuit(4)
    for _ in range(2):
        circuit.h(range(4))
        circuit.cz([0, 2], [1, 3])
        circuit.rx(0.3, range(4))
        circuit.cz(1, 2)
    return generate_preset_pass_manager(1, backend=backend, seed_transpiler=1).run(circuit)


def signature(layers: Any) -> list[tuple[Any, ...]]:
    """Return what each layer does, where, and with which annotations."""
    return [
        (
            [(step.operation.name, [layer.operation.body.find_bit(q).index for q in step.qubits])
             for step in layer.operation.body],
            len(layer.qubits),
            sorted(type(note).__name__ for note in layer.operation.annotations),
        )
        for layer in layers
    ]  # fmt: skip


@pytest.mark.parametrize("types", ["gates", "all"])
@pytest.mark.parametrize(
    "options",
    [
        {"resilience_level": 0},
        {"resilience_level": 0, "twirling": {"enable_gates": True, "strategy": "active-circuit"}},
        {"resilience_level": 1, "resilience": {"pec_mitigation": True}},
        {"resilience_level": 2, "resilience": {"zne": {"amplifier": "pea"}}},
    ],
    ids=["none", "twirled", "pec", "pea"],
)
def test_the_layers_are_those_that_the_official_client_finds(
    options: dict[str, Any], types: str, service: Any
) -> None:
    backend: IBMBackend = service.backend("local_heron")
    fake = GenericBackendV2(4, basis_gates=["cz", "rz", "sx", "x"], seed=1)
    circuit = layered(fake)
    pub = (circuit, "ZZZZ")

    mine = EstimatorV2(backend, options=options).find_unique_layers([pub], types=types)
    theirs = official.Estimator(fake, options=official_options(options)).find_unique_layers(
        [pub], types=types
    )

    assert signature(mine) == signature(theirs)
    assert len(mine) >= (2 if types == "gates" and options != {"resilience_level": 0} else 0)


def test_the_layers_of_a_sampler(service: Any) -> None:
    fake = GenericBackendV2(4, basis_gates=["cz", "rz", "sx", "x"], seed=1)
    circuit = layered(fake)
    circuit.measure_all()
    sampler = SamplerV2(service.backend("local_heron"), options={"twirling": {"enable_gates": True}})
    theirs = official_sampler.Sampler(fake)
    theirs.options.twirling.enable_gates = True

    for types in ("gates", "all"):
        found = sampler.find_unique_layers([circuit], types=types)
        assert signature(found) == signature(theirs.find_unique_layers([circuit], types=types))
    with pytest.raises(IBMInputValueError, match="types must be"):
        sampler.find_unique_layers([circuit], types="gate")
    circuit.add_register(type(circuit.cregs[0])(1, "_meas"))
    circuit.x(0)
    with pytest.raises(IBMInputValueError, match="a name that is taken"):
        sampler.find_unique_layers([circuit])
