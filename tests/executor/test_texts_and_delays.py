"""Quantum programs whose circuits travel as OpenQASM 3, and delays of any unit and of durations that are parameters."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit, generate_preset_pass_manager
from qiskit.circuit import Parameter
from qiskit.primitives.containers import BitArray
from qiskit.quantum_info import SparsePauliOp

from qiskit_rest_primitives import EstimatorV2, Executor, QuantumProgram, SamplerV2
from qiskit_rest_primitives.exceptions import CircuitRefusedError, IBMInputValueError
from qiskit_rest_primitives.executor.executor import program_params
from qiskit_rest_primitives.options.primitives import ExecutorOptions
from qiskit_rest_primitives.primitives.base import RunContext
from qiskit_rest_primitives.wire.quantum_program import load_items

SEED = {"simulator": {"seed_simulator": 5}}
TWIRLED = {"twirling": {"enable_gates": True, "enable_measure": True}}
EVERYTHING = {
    "resilience_level": 2,
    "dynamical_decoupling": {"enable": True, "sequence_type": "XY4"},
    "seed_estimator": 4,
}


def named() -> QuantumCircuit:
    """Return a circuit whose registers overlap, have names of the wire and others, and whose angles are expressions."""
    low, high = ClassicalRegister(2, "m001"), ClassicalRegister(1, "c-1")
    circuit = QuantumCircuit(3, metadata={"of": "mine"})
    circuit.add_register(low, high, ClassicalRegister(bits=[low[1], high[0]], name="m000"))
    angles = [Parameter(name) for name in ("t10", "t9", "a")]
    for qubit, angle in enumerate(angles):
        circuit.rx(2 * angle + angles[0], qubit)
    circuit.cx(0, 1)
    circuit.measure(range(3), [*low, *high])
    with circuit.if_test((low, 2)):
        circuit.x(2)
    circuit.measure(2, high[0])
    return circuit


def on_line(backend: Any) -> QuantumCircuit:
    circuit = QuantumCircuit(3)
    circuit.h(0)
    for qubit in (0, 1, 0, 1):
        circuit.rz(Parameter(f"t{12 - len(circuit.data)}"), qubit)
        circuit.cx(qubit, qubit + 1)
    made: QuantumCircuit = generate_preset_pass_manager(1, backend=backend, seed_transpiler=3).run(circuit)
    return made


def waiting(unit: str) -> QuantumCircuit:
    """Return a qubit that waits after an x for twice a parameter, which is an angle, too."""
    circuit, time = QuantumCircuit(1, 1), Parameter("t")
    circuit.x(0)
    circuit.delay(2 * time, 0, unit=unit)
    circuit.rz(time, 0)
    circuit.rx(Parameter("a"), 0)
    circuit.measure(0, 0)
    return circuit


def on_device(circuit: QuantumCircuit, backend: Any) -> QuantumCircuit:
    made: QuantumCircuit = generate_preset_pass_manager(
        0, backend=backend, initial_layout=range(circuit.num_qubits)
    ).run(circuit)
    return made


def counts(data: Any) -> dict[str, Any]:
    return {name: value.array.tolist() for name, value in data.items() if isinstance(value, BitArray)}


# ------------------------------------------------------------------------------------------------ texts


def test_texts_give_the_samples_of_qpy(simulator: Any) -> None:
    values = np.random.default_rng(1).uniform(0, 3, (2, 3))
    jobs = [
        SamplerV2(simulator, options={"program": program, "circuit_format": form, **SEED}).run(
            [(named(), values)]
        )
        for program, form in (("server", "qasm3"), ("executor", "qpy"), ("executor", "qasm3"))
    ]

    found = [job.result()[0] for job in jobs]

    assert [list(one.data) for one in found] == [["m001", "c-1", "m000"]] * 3
    assert counts(found[0].data) == counts(found[1].data) == counts(found[2].data)
    assert [one.metadata["circuit_metadata"] for one in found] == [{"of": "mine"}] * 3
    params = simulator.api.job(jobs[2].job_id(), exclude_params=False).params
    (text,) = params["quantum_program"]["circuits"]["data"]
    assert text.startswith("OPENQASM 3")
    again = simulator.service.job(jobs[2].job_id())
    assert counts(again.result()[0].data) == counts(found[2].data)
    assert [register.name for register in again.inputs["quantum_program"].items[0].circuit.cregs] == list(
        found[2].data
    )


def conditional(register: str) -> QuantumCircuit:
    """Return a circuit with a condition on a register, and one more of the wire name that the other has in a text."""
    circuit = QuantumCircuit(2)
    circuit.add_register(
        ClassicalRegister(1, "a"), ClassicalRegister(2, register), ClassicalRegister(1, "m001")
    )
    circuit.h([0, 1])
    circuit.measure([0, 1], circuit.cregs[1])
    with circuit.if_test((circuit.cregs[1], 2)):
        circuit.x(0)
    circuit.measure(0, circuit.cregs[0])
    circuit.measure(1, circuit.cregs[2])
    return circuit


@pytest.mark.parametrize("register", ["b", "m000", "m002"])
@pytest.mark.parametrize("level", ["classified", "kerneled"])
@pytest.mark.parametrize("dry_run", [False, True])
def test_conditions_in_texts_read_registers_of_any_names(
    register: str, level: str, dry_run: bool, heron: Any, simulator: Any
) -> None:
    backend, circuit = (
        (heron, on_device(conditional(register), heron)) if dry_run else (simulator, conditional(register))
    )
    options = {"execution": {"meas_type": level}, "program": "executor", **SEED}

    job = SamplerV2(backend, options={**options, "circuit_format": "qasm3"}).run(
        [circuit], shots=40, dry_run=dry_run
    )

    found = job.result()[0].data
    assert list(found) == ["a", register, "m001"]
    if not dry_run:
        wanted = SamplerV2(backend, options=options).run([circuit], shots=40).result()[0].data
        assert all(np.array_equal(np.asarray(found[name]), np.asarray(wanted[name])) for name in found)
        assert counts(found) == counts(wanted)


def test_texts_carry_what_twirls_and_mitigates(heron: Any) -> None:
    isa = on_line(heron)
    values = np.random.default_rng(2).uniform(0, 3, (2, 4))
    measured = isa.copy()
    measured.measure_active()
    pub = (isa, SparsePauliOp(["ZZZ", "XIX"]).apply_layout(isa.layout), values, 0.1)
    found = []
    for form in ("qpy", "qasm3"):
        options = {"program": "executor", "circuit_format": form, **SEED}
        evs = EstimatorV2(heron, options={**options, **EVERYTHING}).run([pub]).result()[0].data.evs
        bits = SamplerV2(heron, options={**options, **TWIRLED}).run([(measured, values)]).result()[0].data
        found.append((evs.tolist(), counts(bits)))

    assert found[0] == found[1]


def test_what_no_text_can_say_is_refused_by_name(simulator: Any, traffic: list[str]) -> None:
    circuit = QuantumCircuit(1, 1)
    circuit.initialize([0.6, 0.8], 0)
    circuit.add_var("answer", True)
    traffic.clear()

    with pytest.raises(CircuitRefusedError, match="OpenQASM 3 cannot carry item 0") as caught:
        SamplerV2(simulator, options={"program": "executor", "circuit_format": "qasm3"}).run([circuit])

    assert isinstance(caught.value, IBMInputValueError)
    assert not [line for line in traffic if line.startswith("POST")]


# ----------------------------------------------------------------------------------------------- delays


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns", "ps", "dt"])
def test_delays_of_any_unit_last_as_long_over_both_programs(unit: str, heron: Any) -> None:
    fixed = QuantumCircuit(1, 1)
    fixed.x(0)
    fixed.delay(
        {"s": 4e-5, "ms": 0.04, "us": 40.0, "ns": 40_000, "ps": 40e6, "dt": 10_000}[unit], 0, unit=unit
    )
    fixed.measure(0, 0)
    pub = on_device(fixed, heron)

    found = [
        counts(SamplerV2(heron, options={"program": program, **SEED}).run([pub]).result()[0].data)
        for program in ("server", "executor")
    ]

    assert found[0] == found[1]


@pytest.mark.parametrize("unit", ["us", "dt"])
def test_durations_that_are_parameters_are_items_of_one_pub(unit: str, heron: Any) -> None:
    """Same samples as by the program of samplers; each duration once, the second and the fourth in one item."""
    scale = 1.0 if unit == "us" else 250.0
    times = scale * np.array([[20, 5, 10], [5, 0, 40]])
    isa = on_device(waiting(unit), heron)
    pubs = [(isa, {"t": times, "a": np.zeros((2, 3))}), (isa, {"t": [20 * scale], "a": [0.3]}, 50)]
    options = {"program": "executor", **SEED}
    jobs = [
        SamplerV2(heron, options={**options, "program": name}).run(pubs, shots=200)
        for name in ("server", "executor")
    ]
    results = [job.result() for job in jobs]

    for theirs, mine in zip(*results, strict=True):
        assert counts(mine.data) == counts(theirs.data)
        assert mine.metadata["shots"] == theirs.metadata["shots"]
    assert [len(part["quantum_program"].items) for part in jobs[1].inputs["parts"]] == [5, 1]
    masks = [
        span.mask(0) for span in results[1].metadata["execution"]["execution_spans"] if 0 in span.pub_idxs
    ]
    assert np.array_equal(np.sum(masks, axis=0), np.ones((2, 3, 200)))
    reopened = heron.service.job(jobs[1].job_ids()[1]).result()
    assert [counts(pub.data) for pub in reopened] == [counts(pub.data) for pub in results[1]]


@pytest.mark.parametrize(
    "options", [{"resilience_level": 0}, {"resilience_level": 1}, {"resilience_level": 2}]
)
def test_estimators_and_twirled_samplers_wait_as_long_as_parameters_say(
    options: dict[str, Any], heron: Any
) -> None:
    t1 = heron.target.qubit_properties[0].t1 * 1e6
    bare = waiting("us").remove_final_measurements(inplace=False)
    isa = on_device(bare, heron)
    times = np.array([[0.0, t1 / 8], [t1 / 4, 0.0]])
    pub = (isa, SparsePauliOp("Z").apply_layout(isa.layout), {"t": times, "a": np.zeros((2, 2))})

    data = EstimatorV2(heron, options={"program": "executor", **options}).run([pub]).result()[0].data

    assert data.evs.shape == data.stds.shape == (2, 2)
    truth = 1 - 2 * np.exp(-2 * times / t1)
    assert (np.abs(data.evs - truth) < 5 * data.stds + 0.05).all()

    measured = on_device(waiting("us"), heron)
    sampler = SamplerV2(heron, options={"program": "executor", **TWIRLED})
    result = sampler.run([(measured, pub[2])], shots=2048).result()
    ones = result[0].data.c.bitcount().mean(axis=-1)
    assert (np.abs(1 - 2 * ones - truth) < 0.15).all()
    masks = [span.mask(0) for span in result.metadata["execution"]["execution_spans"]]
    assert np.array_equal(np.sum(masks, axis=0), np.ones((2, 2, 2048)))


def test_a_device_of_the_service_gets_whole_numbers_of_dt(
    heron: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether the service takes texts, or delays that are expressions in QPY, is not known."""
    circuit = QuantumCircuit(2)
    circuit.delay(1.5, 0, "us")
    circuit.delay(7, 1, "dt")
    with circuit.for_loop(range(2)):
        circuit.delay(40, 1, "ns")
    program = QuantumProgram(10)
    program.append_circuit_item(circuit)
    monkeypatch.setattr(type(heron.service), "is_local", False)
    monkeypatch.setattr("qiskit_rest_primitives.qasm.qpy._keeps_units", lambda: False)

    params, _ = program_params(program, ExecutorOptions(), RunContext(heron))

    (item,) = load_items(params["quantum_program"], "v2.0")
    first, second, loop = (step.operation for step in item.circuit.data)
    assert [(delay.duration, delay.unit) for delay in (first, second, loop.blocks[0].data[0].operation)] == [
        (round(1.5e-6 / heron.dt), "dt"), (7, "dt"), (round(4e-8 / heron.dt), "dt"),
    ]  # fmt: skip
    assert circuit.data[0].operation.unit == "us"


def test_programs_of_ones_own_may_wait_for_seconds(heron: Any) -> None:
    circuit = QuantumCircuit(1, 1)
    circuit.delay(1, 0, "us")
    circuit.measure(0, 0)
    program = QuantumProgram(10)
    program.append_circuit_item(on_device(circuit, heron))

    result = Executor(heron).run(program).result()

    assert result[0]["c"].shape == (10, 1)


# ------------------------------------------------------------------------------------------------ boxes


def test_boxes_of_ones_own_are_their_contents(simulator: Any) -> None:
    circuit = QuantumCircuit(3, metadata={"of": "mine"})
    with circuit.box():
        circuit.x(0)
        with circuit.box():
            circuit.cx(0, 2)
    with circuit.box():
        circuit.noop(1)
    for options in ({"resilience_level": 0}, {"resilience_level": 1}, {"resilience_level": 2}):
        estimator = EstimatorV2(simulator, options={"program": "executor", **options})
        pub = estimator.run([(circuit, ["IIZ", "ZII", "IZI"])]).result()[0]
        assert np.allclose(pub.data.evs, [-1, -1, 1])
        assert pub.metadata["circuit_metadata"] == {"of": "mine"}
