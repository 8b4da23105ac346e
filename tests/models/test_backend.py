"""``IBMBackend``: the documents of the service as a Qiskit backend."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from qiskit.circuit import QuantumCircuit
from qiskit.circuit.library import efficient_su2
from qiskit.providers import BackendV2
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.quantum_info import Statevector
from qiskit.transpiler import generate_preset_pass_manager

from qiskit_rest_primitives import IBMBackend, IBMBackendError, SamplerV2
from qiskit_rest_primitives.models.documents import (
    BackendConfiguration,
    BackendProperties,
    BackendPropertyError,
    BackendStatus,
)
from qiskit_rest_primitives.server.devices.device import device_of
from qiskit_rest_primitives.server.embedded import serve

CONFIGURATION: dict[str, Any] = {
    "backend_name": "line3",
    "backend_version": "1.2.3",
    "n_qubits": 3,
    "basis_gates": ["cz", "id", "rx", "rz", "rzz", "sx", "x"],
    "gates": [
        {"name": "sx", "parameters": [], "qasm_def": "", "coupling_map": [[0], [1], [2]]},
        {"name": "cz", "parameters": [], "qasm_def": "", "coupling_map": [[0, 1], [1, 2]]},
    ],
    "local": False,
    "simulator": False,
    "coupling_map": [[0, 1], [1, 2]],
    "supported_instructions": ["cz", "id", "delay", "measure", "reset", "rx", "rz", "rzz", "sx", "x"],
    "dt": 4.0,
    "dtm": 2.0,
    "default_rep_delay": 250.0,
    "rep_delay_range": [0.0, 2000.0],
    "qubit_lo_range": [[4.5, 5.5]],
    "online_date": "2026-01-01T00:00:00+00:00",
    "processor_type": {"family": "Heron", "revision": "2"},
    "meas_map": [[0, 1, 2]],
    "brand_new_key": {"kept": True},
}


def entry(name: str, value: float, unit: str = "") -> dict[str, Any]:
    return {"date": "2026-08-20T09:00:00+00:00", "name": name, "unit": unit, "value": value}


def qubit(*, operational: int = 1) -> list[dict[str, Any]]:
    return [
        entry("T1", 180.5, "us"),
        entry("T2", 120.0, "us"),
        entry("frequency", 4.9, "GHz"),
        entry("readout_error", 0.012),
        entry("readout_length", 1560, "ns"),
        entry("operational", operational),
    ]


def gate(name: str, *qubits: int, operational: int = 1) -> dict[str, Any]:
    parameters = [
        entry("gate_error", 0.0002),
        entry("gate_length", 24, "ns"),
        entry("operational", operational),
    ]
    return {"gate": name, "qubits": list(qubits), "name": name, "parameters": parameters}


PROPERTIES: dict[str, Any] = {
    "backend_name": "other_name",
    "backend_version": "1.2.3",
    "last_update_date": "2026-08-20T10:00:00+00:00",
    "qubits": [qubit(), qubit(), qubit(operational=0)],
    "gates": [gate("sx", 0), gate("sx", 1), gate("cz", 0, 1, operational=0)],
    "general": [],
}


class OneDevice:
    """A service that knows one device by its documents."""

    def api(self, instance: str | None) -> OneDevice:
        return self

    def backend_properties(self, name: str, **_: Any) -> dict[str, Any]:
        return PROPERTIES


@pytest.fixture
def line() -> IBMBackend:
    return IBMBackend(CONFIGURATION, OneDevice())


@pytest.fixture(scope="module")
def heron(service: Any) -> IBMBackend:
    return service.backend("local_heron")


@pytest.fixture(scope="module")
def aer(service: Any) -> IBMBackend:
    return service.backend("aer_simulator")


# -- reading documents ------------------------------------------------------------------------------------------------


def test_the_configuration_is_in_base_units_and_keeps_unknown_keys(line: IBMBackend) -> None:
    configuration = line.configuration()

    assert configuration.dt == pytest.approx(4e-9)
    assert configuration.dtm == pytest.approx(2e-9)
    assert configuration.default_rep_delay == pytest.approx(250e-6)
    assert configuration.rep_delay_range == pytest.approx([0.0, 2e-3])
    assert configuration.qubit_lo_range[0] == pytest.approx([4.5e9, 5.5e9])
    assert configuration.num_qubits == configuration.n_qubits == 3
    assert configuration.gates[0].name == configuration.gates[0]["name"] == "sx"
    assert configuration.to_dict()["brand_new_key"] == {"kept": True}
    assert "brand_new_key" in dir(configuration)
    assert configuration.meas_kernels is configuration.discriminators is None  # not in every document
    assert configuration.dynamic_reprate_enabled is False
    assert CONFIGURATION["dt"] == 4.0
    with pytest.raises(AttributeError, match="no 'colour'"):
        configuration.colour  # noqa: B018


def test_any_configuration_key_is_an_attribute_of_the_backend(line: IBMBackend) -> None:
    assert line.processor_type == {"family": "Heron", "revision": "2"}
    assert line.brand_new_key == {"kept": True}
    assert line.simulator is False
    assert (line.dtm, line.meas_map, line.max_circuits) == (pytest.approx(2e-9), [[0, 1, 2]], None)
    with pytest.raises(AttributeError, match="'colour'"):
        line.colour  # noqa: B018


def test_a_subclass_that_skips_the_constructor_has_no_endless_recursion() -> None:
    class Bare(IBMBackend):
        def __init__(self) -> None:
            self.label = "bare"

    with pytest.raises(AttributeError):
        Bare().basis_gates  # noqa: B018
    assert not hasattr(Bare(), "_configuration")


def test_properties_are_in_base_units(line: IBMBackend) -> None:
    properties = line.properties()

    assert properties is not None
    assert properties.backend_name == "line3"
    assert (properties.t1(0), properties.t2(0)) == (pytest.approx(180.5e-6), pytest.approx(120e-6))
    assert properties.frequency(1) == pytest.approx(4.9e9)
    assert properties.readout_error(1) == 0.012
    assert properties.readout_length(1) == pytest.approx(1.56e-6)
    assert properties.gate_error("sx", 0) == properties.gate_error("sx", [0]) == 0.0002
    assert properties.gate_length("cz", (0, 1)) == pytest.approx(24e-9)
    value, date = properties.qubit_property(0, "T1")
    assert (value, date) == (pytest.approx(180.5e-6), datetime(2026, 8, 20, 9, tzinfo=timezone.utc))
    assert set(properties.qubit_property(0)) >= {"T1", "T2", "readout_error"}
    assert properties.gate_property("sx", name="gate_error")[(0,)][0] == 0.0002
    assert set(properties.gate_property("sx")) == {(0,), (1,)}
    assert properties.last_update_date == datetime(2026, 8, 20, 10, tzinfo=timezone.utc)
    assert BackendProperties.from_dict(properties.to_dict()) == properties


def test_faulty_parts_are_known(line: IBMBackend) -> None:
    properties = line.properties()

    assert properties is not None
    assert properties.faulty_qubits() == [2]
    assert [(one.gate, one.qubits) for one in properties.faulty_gates()] == [("cz", [0, 1])]
    assert properties.is_qubit_operational(0)
    assert not properties.is_gate_operational("cz", [0, 1])
    assert (properties.is_gate_operational("sx"), properties.is_gate_operational("cz")) == (True, False)


@pytest.mark.parametrize(
    ("ask", "told"),
    [
        (lambda p: p.t1(7), "qubits 0 to 2, not of qubit 7"),
        (lambda p: p.t1(-1), "not of qubit -1"),
        (lambda p: p.qubit_property(0, "colour"), "'colour' for qubit 0; it reports T1"),
        (lambda p: p.gate_error("swap", 0), "no properties of a gate 'swap'"),
        (lambda p: p.gate_error("sx", 2), r"sx on qubits \(2,\)"),
        (lambda p: p.gate_property("sx", 0, "colour"), "'colour' for sx"),
    ],
)
def test_what_is_not_reported_is_named(line: IBMBackend, ask: Any, told: str) -> None:
    with pytest.raises(BackendPropertyError, match=told):
        ask(line.properties())


def test_a_circuit_on_faulty_parts_is_refused_by_name(line: IBMBackend) -> None:
    on_qubit, on_edge, barred = QuantumCircuit(3), QuantumCircuit(3), QuantumCircuit(3)
    on_qubit.sx(2)
    on_edge.cz(0, 1)
    barred.barrier()
    barred.sx(0)

    with pytest.raises(ValueError, match=r"sx on \(2,\), but qubit 2 of line3 is faulty"):
        line.check_faulty(on_qubit)
    with pytest.raises(ValueError, match=r"cz on \(0, 1\), which is faulty"):
        line.check_faulty(on_edge)
    line.check_faulty(barred)


def test_the_target_leaves_out_faulty_parts_and_fractional_gates(line: IBMBackend) -> None:
    fractional = IBMBackend(CONFIGURATION, OneDevice(), use_fractional_gates=True)

    assert "rx" not in line.target.operation_names
    assert "rx" not in line.configuration().basis_gates
    assert {"rx", "rzz"} <= set(fractional.target.operation_names)
    assert (2,) not in line.target["sx"]
    assert (0, 1) not in line.target["cz"]
    assert line.target["sx"][(0,)].duration == pytest.approx(24e-9)
    assert line.target.dt == pytest.approx(4e-9)
    assert line.options.use_fractional_gates is False
    assert fractional.options.use_fractional_gates is True


def test_an_unreadable_configuration_is_a_protocol_error() -> None:
    broken = IBMBackend({**CONFIGURATION, "n_qubits": None}, OneDevice())

    with pytest.raises(
        IBMBackendError, match="documents of line3: the backend configuration has no n_qubits"
    ):
        broken.target  # noqa: B018


def test_a_status_needs_no_field_and_has_no_negative_queue() -> None:
    assert "\x1b" not in BackendStatus.from_wire("b", {"status": "\x1b[2Jaway"}).status_msg  # faults C14
    assert BackendStatus.from_wire("b", {}) == BackendStatus("b", "0.0.0", False, 0, "")
    assert BackendStatus.from_wire(
        "b", {"state": True, "length_queue": -3, "status": "active"}
    ).to_dict() == {
        "backend_name": "b",
        "backend_version": "0.0.0",
        "operational": True,
        "pending_jobs": 0,
        "status_msg": "active",
    }


def test_configurations_compare_by_content() -> None:
    read = BackendConfiguration.from_dict

    assert read(CONFIGURATION) == read(dict(CONFIGURATION)) == read(read(CONFIGURATION).to_dict())
    assert read(CONFIGURATION) != read({**CONFIGURATION, "dt": 1.0})


def test_options_are_validated_against_the_device(line: IBMBackend) -> None:
    line.set_options(rep_delay=1e-3)

    assert line.options.rep_delay == 1e-3
    with pytest.raises(ValueError):
        line.set_options(rep_delay=1.0)
    with pytest.raises(TypeError):
        line.set_options(seed_simulator=5)


# -- over the socket --------------------------------------------------------------------------------------------------


def test_a_backend_is_a_complete_backend_v2(heron: IBMBackend) -> None:
    assert isinstance(heron, BackendV2)
    assert heron.version == 2
    assert heron.provider is None
    assert heron.name == "local_heron"
    assert heron.num_qubits == 156
    assert len(list(heron.coupling_map.get_edges())) == 352
    assert heron.dt == pytest.approx(4e-9)
    assert {"cz", "rz", "sx", "x", "measure", "delay", "reset", "if_else"} <= set(heron.operation_names)
    assert heron.instruction_durations.get("sx", [0], "s") > 0
    assert heron.qubit_properties(0).t1 == pytest.approx(heron.properties().t1(0))
    assert heron.online_date.tzinfo is not None
    assert heron() is heron
    assert repr(heron) == "<IBMBackend('local_heron')>"


def test_documents_are_fetched_once_and_again_on_refresh(service: Any, traffic: list[str]) -> None:
    backend = service.backend("local_heron")
    traffic.clear()
    target = backend.target
    assert backend.target is target
    backend.properties()
    assert traffic == ["GET /backends/local_heron/properties 200"]
    backend.refresh()
    assert len(traffic) == 3
    assert backend.target is not target
    assert backend.properties(refresh=True) is not None
    assert len(traffic) == 4


def test_a_simulator_has_no_properties_and_keeps_its_gates(aer: IBMBackend, traffic: list[str]) -> None:
    assert aer.properties() is None
    assert aer.properties(refresh=True) is None
    assert traffic == []
    assert {"rx", "ry", "rzz", "u"} <= set(aer.operation_names)


def test_history_is_asked_for_and_not_kept(heron: IBMBackend, traffic: list[str]) -> None:
    heron.target  # noqa: B018
    now = heron.properties()
    traffic.clear()
    local = datetime.now() + timedelta(hours=1)
    assert heron.properties(datetime=local).backend_name == "local_heron"
    assert heron.target_history(datetime=local).num_qubits == 156
    assert len(traffic) == 2
    assert heron.properties() is now


def test_arguments_of_properties_have_types(heron: IBMBackend) -> None:
    with pytest.raises(TypeError, match="refresh must be True or False"):
        heron.properties(refresh="yes")
    with pytest.raises(TypeError, match="datetime must be"):
        heron.properties(datetime="2026-01-01")


@pytest.mark.parametrize("level", [0, 1, 2, 3])
@pytest.mark.parametrize("name", ["aer_simulator", "local_heron"])
def test_circuits_transpile_for_it_at_every_level(service: Any, name: str, level: int) -> None:
    backend = service.backend(name)
    ansatz = efficient_su2(4, reps=1, entanglement="linear")
    circuit = ansatz.assign_parameters([0.1 * k for k in range(ansatz.num_parameters)])
    manager = generate_preset_pass_manager(optimization_level=level, backend=backend, seed_transpiler=3)
    isa = manager.run(circuit)

    for instruction in isa.data:
        place = tuple(isa.find_bit(bit).index for bit in instruction.qubits)
        assert backend.target.instruction_supported(instruction.operation.name, place)
    used = sorted({isa.find_bit(bit).index for instruction in isa.data for bit in instruction.qubits})
    assert len(used) <= 8
    small = QuantumCircuit(len(used), global_phase=isa.global_phase)
    for instruction in isa.data:
        small.append(
            instruction.operation, [used.index(isa.find_bit(bit).index) for bit in instruction.qubits]
        )
    final = [used.index(place) for place in isa.layout.final_index_layout()] if isa.layout else [0, 1, 2, 3]
    wanted = Statevector(circuit).probabilities()
    assert Statevector(small).probabilities(final) == pytest.approx(wanted, abs=1e-9)


def test_a_dynamic_circuit_transpiles_for_the_device(heron: IBMBackend) -> None:
    circuit = QuantumCircuit(2, 2)
    circuit.h(0)
    circuit.measure(0, 0)
    with circuit.if_test((0, 1)):
        circuit.x(1)
    circuit.measure(1, 1)
    isa = generate_preset_pass_manager(optimization_level=1, backend=heron).run(circuit)

    assert isa.count_ops()["if_else"] == 1


def test_a_simulator_keeps_its_gates_with_continuous_angles(service: Any) -> None:
    """The official client would drop them (docs/compatibility.md); no feature of a simulator excludes them."""
    plain = service.backend("aer_simulator")

    assert {"rx", "ry", "u", "cp", "rzz"} <= set(plain.configuration().basis_gates) & set(
        plain.operation_names
    )


def test_fractional_gates_are_there_when_asked_for(service: Any) -> None:
    plain = service.backend("local_heron")
    fractional = service.backend("local_heron", use_fractional_gates=True)
    circuit = QuantumCircuit(2)
    circuit.rzz(0.4, 0, 1)

    assert "rzz" not in plain.target.operation_names
    pm = generate_preset_pass_manager(optimization_level=1, backend=fractional)
    assert pm.run(circuit).count_ops() == {"rzz": 1}


def test_two_handles_of_one_device_are_the_same_device(service: Any) -> None:
    one, two = service.backend("local_heron"), service.backend("local_heron", use_fractional_gates=True)

    assert one == two
    assert hash(one) == hash(two)
    assert one != service.backend("aer_simulator")
    assert one != "local_heron"


def test_handles_of_two_services_are_different_devices(service: Any) -> None:
    line_here, line_there = IBMBackend(CONFIGURATION, OneDevice()), IBMBackend(CONFIGURATION, service)

    assert line_here != line_there


def test_copies_share_what_nobody_changes(heron: IBMBackend, traffic: list[str]) -> None:
    target = heron.target
    traffic.clear()
    for again in (copy.copy(heron), copy.deepcopy(heron)):
        again.set_options(shots=7)
        assert again == heron
        assert again.target is target
    unpickled = pickle.loads(pickle.dumps(heron))
    assert unpickled == heron
    assert unpickled.service == heron.service
    assert unpickled.target.num_qubits == 156
    assert heron.options.shots == 4000
    assert traffic == ["GET /backends/local_heron/properties 200"]


def test_run_says_what_to_use_instead(heron: IBMBackend) -> None:
    with pytest.raises(IBMBackendError, match=r"SamplerV2\(mode=backend\)"):
        heron.run(QuantumCircuit(1))


def test_a_calibration_travels_with_the_backend(service: Any) -> None:
    backend = service.backend("local_heron", calibration_id="cal-1")

    assert backend.calibration_id == "cal-1"
    assert copy.deepcopy(backend).calibration_id == "cal-1"
    assert backend.is_mock is False


def test_documents_may_lack_whatever_is_optional(connect: Callable[..., Any]) -> None:
    """faults E (max_shots, max_experiments): jobs run without any one key that no gate or qubit is known by."""
    whole = device_of(GenericBackendV2(2, seed=1, control_flow=True))
    devices = []
    for kind in ("configuration", "properties"):
        for key in set(getattr(whole, kind)) - {"backend_name", "n_qubits", "basis_gates"}:
            device = whole.twin(f"{kind}_without_{key}")
            del getattr(device, kind)[key]
            devices.append(device)
    both = whole.twin("without_both")
    del both.configuration["max_shots"], both.configuration["max_experiments"]
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure_all()
    with serve([*devices, both]) as server:
        service = connect(server.endpoint)
        for device in [*devices, both]:
            backend = service.backend(device.name)
            manager = generate_preset_pass_manager(optimization_level=1, backend=backend, seed_transpiler=1)
            counts = (
                SamplerV2(backend).run([manager.run(circuit)], shots=20).result()[0].data.meas.get_counts()
            )

            assert sum(counts.values()) == 20, device.name
            assert backend.max_circuits is None
            assert backend.status().operational
            assert not hasattr(service.backend("without_both").configuration(), "max_shots")
