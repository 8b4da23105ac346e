"""Whole jobs through ``execute``: what is refused and how, which shots are taken, and what the result notes."""

from __future__ import annotations

import json
import pickle
import threading
import time

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister, qasm3
from qiskit.circuit import Parameter
from qiskit.primitives.containers import BitArray

from qiskit_rest_primitives.results.execution_spans import DoubleSliceSpan
from qiskit_rest_primitives.server.aer import methods
from qiskit_rest_primitives.server.devices.device import default_devices, load_device
from qiskit_rest_primitives.server.job_errors import ParamsError, TaskFailed
from qiskit_rest_primitives.server.primitives.registry import decode, execute
from qiskit_rest_primitives.wire import result_body, typed

HEAD = 'OPENQASM 3.0;\ninclude "stdgates.inc";\n'
BELL = HEAD + "qubit[2] q;\nbit[2] meas;\nh q[0];\ncx q[0], q[1];\nmeas = measure q;\n"
ROTATED = HEAD + "input float[64] a;\nqubit[2] q;\nbit[2] c;\nrx(a) q[0];\nc = measure q;\n"
GATE_RZZ = "gate rzz(p0) a, b { cx a, b; rz(p0) b; cx a, b; }\n"


@pytest.fixture(scope="module")
def devices():
    return {device.name: device for device in default_devices()}


@pytest.fixture
def ideal(devices):
    return devices["aer_simulator"]


@pytest.fixture
def heron(devices):
    return devices["local_heron"]


def run(program, device, pubs, *, seed=1, **params):
    return execute(program, json.dumps({"pubs": pubs, "version": 2, **params}).encode(), device, seed=seed)


def result_of(program, device, pubs, **params):
    return result_body.load_result(run(program, device, pubs, **params).body)


def failure_of(program, device, pubs, **params):
    with pytest.raises(TaskFailed) as caught:
        run(program, device, pubs, **params)
    return caught.value


def device_program(body, *, bits=2, head=""):
    return f"{HEAD}{head}qubit[156] q;\nbit[{bits}] c;\n{body}\n"


# ----------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("body", "instruction", "qubits"),
    [
        ("h q[0];", "h", "(0,)"),
        ("cz q[0], q[5];", "cz", "(0, 5)"),
        ("cx q[0], q[1];", "cx", "(0, 1)"),
        ("c[0] = measure q[3]; if (c[0]) { ry(0.1) q[3]; }", "ry", "(3,)"),
    ],
)
def test_instructions_that_the_device_lacks_fail_with_the_text_of_the_service(
    body, instruction, qubits, heron
):
    failure = failure_of("sampler", heron, [[device_program(body)]])

    assert failure.code == 1517
    assert failure.reason == (
        f"The instruction {instruction} on qubits {qubits} is not supported by the target system. "
        "Transpile your circuits for the target before submitting a primitive query."
    )


def test_the_simulator_takes_any_gate_on_any_qubits(ideal):
    text = HEAD + "qubit[9] q;\nbit[1] c;\nccx q[0], q[8], q[4];\nh q[2];\nc[0] = measure q[4];\n"

    assert result_of("sampler", ideal, [[text, None, 3]])[0].data.c.get_counts() == {"0": 3}


@pytest.mark.parametrize("angle", ["-0.1", "1.6", "3.5"])
def test_rzz_outside_its_range_fails(angle, heron):
    text = device_program(f"rzz({angle}) q[0], q[1]; c[0] = measure q[0];", head=GATE_RZZ)

    failure = failure_of("sampler", heron, [[text]])

    assert failure.code == 1517
    assert "rzz on qubits (0, 1) is supported only for angles in the range [0, pi/2]" in failure.reason


def test_rzz_angles_that_come_with_the_values_are_checked_too(heron):
    text = device_program(
        "rzz(theta) q[0], q[1]; c[0] = measure q[0];", head="input float[64] theta;\n" + GATE_RZZ
    )

    result_of("sampler", heron, [[text, {"theta": [0.0, 1.5]}, 10]])
    failure = failure_of("sampler", heron, [[text, {"theta": [0.1, 1.5, 1.6]}, 10]])

    assert failure.code == 1517
    assert "but the angle is 1.6" in failure.reason


def test_a_circuit_wider_than_the_device_fails(devices):
    text = HEAD + "qubit[300] q;\nbit[1] c;\nx q[299];\nc[0] = measure q[299];\n"

    for device in devices.values():
        failure = failure_of("sampler", device, [[text]])
        assert failure.code == 1517
        assert f"300 qubits but the target system has {device.num_qubits}" in failure.reason


@pytest.mark.parametrize("body", ["rx(0.1) q[0];", "rzz(0.1) q[0], q[1];"])
def test_gate_twirling_refuses_fractional_gates(body, heron):
    text = device_program(body + " c[0] = measure q[0];", head=GATE_RZZ)
    pub = [text, {"I" * 155 + "Z": 1.0}]

    twirled = failure_of("sampler", heron, [[text]], options={"twirling": {"enable_gates": True}})
    level_2 = failure_of("estimator", heron, [pub], resilience_level=2)

    assert twirled.code == level_2.code == 1519
    assert "gate twirling does not support fractional gates" in twirled.reason
    result_of("sampler", heron, [[text, None, 5]], options={"twirling": {"enable_measure": True}})


@pytest.mark.parametrize(
    "text",
    [
        "this is no program",
        'OPENQASM 2.0;\ninclude "qelib1.inc";\nqreg q[1];\nx q[0];\n',
        HEAD + "qubit[2] q;\nnosuchgate q[0];\n",
        HEAD + "qubit[2] q;\ncx q[0], q[0];\n",
        "",
    ],
)
def test_circuits_that_cannot_be_read_fail_with_1603(text, ideal):
    failure = failure_of("sampler", ideal, [[text]])

    assert failure.code == 1603
    assert failure.reason
    assert "/" not in failure.reason.replace("//", "").replace(" /", "")


def test_a_failure_names_its_pub_when_there_are_several(heron, ideal):
    bad = device_program("h q[0];")
    good = device_program("c[0] = measure q[0];")

    assert failure_of("sampler", heron, [[good], [bad]]).reason.endswith("(PUB 1 of this job)")
    width = failure_of("estimator", ideal, [[BELL, "ZZ"], [BELL, ["ZZZ"]]])
    assert "$.pubs[1]" in width.reason
    assert "number of qubits of the circuit (2)" in width.reason


@pytest.mark.parametrize(
    ("pub", "problem"),
    [
        ([ROTATED, None], "the circuit has 1 parameters"),
        ([ROTATED, {"b": 1.0}], "without a value: a"),
        ([ROTATED, {"a": 1.0}, 0], "shots must be an integer of at least 1"),
        ([ROTATED, {"a": "x"}], "expected a number"),
        ([ROTATED, {"a": 1.0}, 5, 7], "a PUB of 4 elements"),
        (17, "expected a PUB as a list"),
        ([], "a PUB of 0 elements"),
    ],
)
def test_malformed_pubs_fail_and_name_the_place(pub, problem, ideal):
    failure = failure_of("sampler", ideal, [pub])

    assert problem in failure.reason
    assert "$.pubs[0]" in failure.reason


def test_a_circuit_without_classical_bits_has_an_empty_result(ideal):  # faults B (no classical bits)
    (pub,) = result_of("sampler", ideal, [[HEAD + "qubit[1] q;\nx q[0];\n"]])

    assert len(pub.data) == 0
    assert pub.metadata["shots"] == 4096


def test_a_job_without_pubs_has_an_empty_result(ideal):
    assert len(result_of("sampler", ideal, [])) == 0
    assert len(result_of("estimator", ideal, [])) == 0


def test_params_that_are_no_json_fail(ideal):
    with pytest.raises(TaskFailed):
        execute("sampler", b"<html>", ideal)


def test_what_aer_cannot_simulate_fails_with_a_reason_and_no_trace(ideal, monkeypatch):
    monkeypatch.setattr(methods, "STATEVECTOR_QUBITS", 60)
    lines = "".join(f"ry(0.{1 + qubit}) q[{qubit}];\n" for qubit in range(50))
    chain = "".join(f"cx q[{qubit}], q[{qubit + 1}];\n" for qubit in range(49))
    text = HEAD + "qubit[50] q;\nbit[50] c;\n" + lines + chain + "c = measure q;\n"

    failure = failure_of("sampler", ideal, [[text]])

    assert failure.code == 1500
    assert failure.reason.startswith("The simulation (statevector) ")
    assert "\n" not in failure.reason
    assert "/" not in failure.reason


def test_more_shots_than_can_be_simulated_fail(ideal):
    text = HEAD + "qubit[1] q;\nbit[1] c;\nh q[0];\nc[0] = measure q[0];\nh q[0];\n"

    failure = failure_of("estimator", ideal, [[text, "Z", None, 1e-5]])

    assert "10000000000 shots of one circuit are too many" in failure.reason


def test_failures_cross_process_boundaries():
    again = pickle.loads(pickle.dumps(TaskFailed("why", 1517, "do this")))

    assert (again.reason, again.code, again.solution) == ("why", 1517, "do this")


# ------------------------------------------------------------------------------------------ options


@pytest.mark.parametrize(
    ("program", "params", "problem"),
    [
        ("nonsense", {}, "'nonsense' is not available"),
        ("sampler", {"colour": 1}, "unknown keys: 'colour'"),
        ("sampler", {"precision": 0.1}, "unknown keys: 'precision'"),
        ("estimator", {"shots": 10}, "unknown keys: 'shots'"),
        ("sampler", {"options": {"resilience": {}}}, "params.options has unknown keys: 'resilience'"),
        ("sampler", {"options": {"twirling": True}}, "params.options.twirling must be an object"),
        ("sampler", {"options": {"default_shots": 10**19}}, "default_shots must be at most 1e\\+18"),
        ("estimator", {"precision": 1e-12}, "params.precision must be at least 1e-09"),
        ("estimator", {"options": {"default_precision": 1e-320}}, "default_precision must be at least 1e-09"),
        ("sampler", {"options": {"execution": {"meas_type": "raw"}}}, "meas_type must be one of"),
        ("sampler", {"options": []}, "params.options must be an object"),
        ("sampler", {"options": {"default_shots": "many"}}, "default_shots must be a whole number"),
        ("sampler", {"shots": 0}, "params.shots must be a whole number of at least 1"),
        (
            "sampler",
            {"options": {"simulator": {"seed_simulator": -1}}},
            "seed_simulator must be a whole number",
        ),
        ("sampler", {"version": 1}, "version must be 2"),
        ("sampler", {"pubs": {}}, "pubs must be a list"),
        ("estimator", {"precision": 0}, "params.precision must be a number greater than 0"),
        ("estimator", {"resilience_level": 3}, "resilience_level must be 0, 1 or 2"),
        (
            "estimator",
            {"options": {"resilience": {"zne_mitigation": True, "pec_mitigation": True}}},
            "exclude each other",
        ),
    ],
)
def test_params_that_make_no_sense_are_refused_at_submission(program, params, problem, ideal):
    with pytest.raises(ParamsError, match=problem):
        decode(program, {"pubs": [], **params})
    with pytest.raises(TaskFailed, match=problem):
        execute(program, json.dumps({"pubs": [], **params}).encode(), ideal)


@pytest.mark.parametrize("program", ["sampler", "estimator"])
def test_keys_of_older_and_newer_clients_are_tolerated(program):
    options = {
        "experimental": {"anything": {"at": "all"}},
        "transpilation": {"optimization_level": 1},
        "environment": {"log_level": "INFO"},
        "dynamical_decoupling": {"enable": False, "sequence_type": "XY4"},
    }

    decode(program, json.dumps({"pubs": [], "options": options, "version": 2}).encode())


@pytest.mark.parametrize(
    ("own", "params", "shots"),
    [
        (None, {}, 4096),
        (None, {"options": {"default_shots": 70}}, 70),
        (None, {"options": {"default_shots": 70}, "shots": 60}, 60),
        (50, {"options": {"default_shots": 70}, "shots": 60}, 50),
        (None, {"options": {"default_shots": 70, "twirling": {"num_randomizations": 3, "shots_per_randomization": 5}}}, 15),
        (50, {"options": {"twirling": {"num_randomizations": 3, "shots_per_randomization": 5}}}, 50),
        (None, {"options": {"default_shots": 70, "twirling": {"num_randomizations": "auto"}}}, 70),
    ],
)  # fmt: skip
def test_the_shots_of_a_sampler_pub_come_from_the_nearest_place(own, params, shots, ideal):
    result = result_of("sampler", ideal, [[BELL, None, own]], **params)[0]

    assert result.data.meas.num_shots == result.metadata["shots"] == shots


@pytest.mark.parametrize("name", ["shape", "keys"])
def test_a_register_that_results_cannot_hold_is_refused_with_a_reason(name, ideal):
    text = HEAD + f"qubit[1] q; bit[1] {name}; {name} = measure q;"

    failure = failure_of("sampler", ideal, [[text, None, 3]])

    assert failure.code == 3211
    assert name in failure.reason


def test_a_twirled_sampler_pub_has_the_shots_it_asked_for_in_randomizations(ideal):
    text = HEAD + "qubit[1] q; bit[1] c; c = measure q;"

    twirled = result_of("sampler", ideal, [[text, None, 100]], options={"twirling": {"enable_measure": True}})
    plain = result_of("sampler", ideal, [[text, None, 100]])

    assert twirled[0].data.c.num_shots == 100
    assert twirled[0].metadata["num_randomizations"] == 2
    assert "num_randomizations" not in plain[0].metadata


def test_options_without_effect_are_named_in_the_result(ideal, heron):
    sampler = result_of(
        "sampler",
        ideal,
        [[BELL, None, 5]],
        options={"dynamical_decoupling": {"enable": True}, "twirling": {"enable_gates": True}},
    )
    estimator = result_of(
        "estimator", ideal, [[BELL.replace("meas = measure q;\n", ""), "ZZ"]], resilience_level=2
    )
    plain = result_of("sampler", ideal, [[BELL, None, 5]])

    assert sampler.metadata["options_without_effect"] == ["dynamical_decoupling", "twirling.enable_gates"]
    assert "resilience.zne_mitigation" in estimator.metadata["options_without_effect"]
    assert "options_without_effect" not in plain.metadata


# ------------------------------------------------------------------------------------------ results


@pytest.mark.parametrize("support_qiskit", [False, True])
def test_a_sampler_result_notes_when_and_how_it_was_made(support_qiskit, ideal):
    result = result_of(
        "sampler",
        ideal,
        [[ROTATED, {"a": [0.0, 1.0, 2.0]}, 7], [BELL, None, 9]],
        support_qiskit=support_qiskit,
    )

    assert result.metadata["version"] == 2
    spans = result.metadata["execution"]["execution_spans"]
    assert all(isinstance(span, DoubleSliceSpan) for span in spans)
    assert [span.size for span in spans] == [21, 9]
    assert spans.start <= spans.stop
    assert result[0].data.c.array.shape == (3, 7, 1)
    assert result[0].metadata["circuit_metadata"] == {}
    assert result[1].metadata["simulation"] == {"method": "numpy_statevector", "qubits": 2}


@pytest.mark.parametrize("support_qiskit", [False, True])
def test_an_estimator_result_notes_what_the_service_notes(support_qiskit, ideal):
    text = BELL.replace("meas = measure q;\n", "")
    result = result_of("estimator", ideal, [[text, ["ZZ", "XX", "ZI"]]], support_qiskit=support_qiskit)

    assert result[0].data.evs.tolist()[:2] == [1.0, 1.0]
    assert result[0].data.stds.tolist()[:2] == [0.0, 0.0]
    assert result[0].data.ensemble_standard_error.shape == (3,)
    assert {"shots", "target_precision", "circuit_metadata", "resilience", "num_randomizations"} <= set(
        result[0].metadata
    )
    assert result[0].metadata["target_precision"] == 0.015625
    assert result.metadata["twirling"]["enable_measure"] is True
    assert result.metadata["resilience"]["measure_mitigation"] is True
    assert result.metadata["version"] == 2


def test_the_form_of_the_result_is_plain_unless_qiskit_is_asked_for(ideal):
    plain = json.loads(run("sampler", ideal, [[BELL, None, 3]]).body)
    tagged = json.loads(run("sampler", ideal, [[BELL, None, 3]], support_qiskit=True).body)

    assert plain["results"][0]["data"]["meas"]["num_bits"] == 2
    assert tagged["__type__"] == "PrimitiveResult"


def test_the_outcome_counts_circuits_and_seconds(ideal):
    start = time.perf_counter()
    outcome = run("sampler", ideal, [[ROTATED, {"a": [0.0, 1.0, 2.0]}, 7], [BELL, None, 9]])
    passed = time.perf_counter() - start

    assert outcome.circuits == 4
    assert 0 < outcome.seconds <= passed


def test_foreign_text_bare_text_and_qpy_are_all_circuits(ideal):
    circuit = QuantumCircuit(QuantumRegister(2, "qr"), ClassicalRegister(2, "out"))
    circuit.x(1)
    circuit.measure([0, 1], [0, 1])

    pubs = [qasm3.dumps(circuit), [qasm3.dumps(circuit)], [typed.dump(circuit), None, 4]]
    result = result_of("sampler", ideal, pubs, shots=4)

    assert [pub.data.out.get_counts() for pub in result] == [{"10": 4}] * 3


def test_gates_named_like_operations_of_aer_are_taken_by_their_definition(ideal):
    names = ("diagonal", "multiplexer", "roerror", "kraus", "qerror_loc", "initialize", "mcx", "save_state")
    for name in names:
        text = f"{HEAD}gate {name} a {{ x a; }}\nqubit[1] q;\nbit[1] c;\n{name} q[0];\nc[0] = measure q[0];\n"
        result = result_of("sampler", ideal, [[text, None, 3]])
        assert result[0].data.c.get_counts() == {"1": 3}, name


def test_unbound_expressions_inside_qpy_circuits_are_bound(ideal):
    a, b = Parameter("b"), Parameter("a")
    circuit = QuantumCircuit(1, 1)
    circuit.rx(2 * a + b, 0)
    circuit.measure(0, 0)
    values = typed.dump(np.array([[np.pi, -np.pi], [0.0, np.pi]]))  # columns: a, b in the order of names

    result = result_of("sampler", ideal, [[typed.dump(circuit), values, 5]])

    # 2*b + a: 2*(-pi) + pi = -pi, and 2*pi + 0.
    assert [result[0].data.c[index].get_counts() for index in range(2)] == [{"1": 5}, {"0": 5}]


LABELLED = [
    "ZZ",
    {"ZZ": 1.0},
    {"ZZ": 2},
    {"ZZ": 1.0, "XI": 0.5},
    {"XI": 0.5, "ZZ": 1.0},
    ["ZZ", {"XI": 0.5}],
    [["ZZ"], [{"XI": 0.5}]],
    [{"ZI": 1.0, "IZ": -1.0}, {"YY": 0.5}],
]
VALUES = [{"a": 0.3}, {"a": [0.1, 0.2]}, {"a": [[0.1], [0.4]]}, {"a": [0.2, 0.1]}]


def test_a_loop_over_changing_observables_and_values_gives_what_single_jobs_give(ideal):
    """What is kept of observables and of where they meet the values belongs to these, in these shapes."""
    asked = [(labels, values) for values in VALUES for labels in LABELLED] * 2
    for number, (labels, values) in enumerate(asked):
        alone = ROTATED + f"// {number}\n"  # a circuit that nobody has sent before
        found, wanted = (
            result_of("estimator", ideal, [[text, labels, values]], support_qiskit=True)[0].data
            for text in (ROTATED, alone)
        )
        assert np.array_equal(found.evs, wanted.evs)
        assert np.array_equal(found.stds, wanted.stds)


def test_observables_that_cannot_be_read_are_refused_each_time(ideal):
    for _ in range(2):
        assert "$.pubs[0][1]" in failure_of("estimator", ideal, [[ROTATED, {"ZQ": 1.0}, [0.1]]]).reason
        assert result_of("estimator", ideal, [[ROTATED, {"ZZ": 1.0}, [0.1]]])[0].data.evs.shape == ()


def test_repeated_jobs_and_concurrent_jobs_give_what_a_single_one_gives(ideal):
    pubs = [[ROTATED, {"a": [0.3, 1.2]}, 200], [BELL, None, 100]]
    first = result_of("sampler", ideal, pubs, seed=5)
    found: list[BitArray] = []

    def work():
        found.extend(pub.data.c for pub in result_of("sampler", ideal, pubs[:1], seed=5))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(found) == 4
    assert all((array.array == first[0].data.c.array).all() for array in found)


def test_a_small_job_on_the_wide_noisy_device_is_fast_after_the_first():
    heron = load_device("local_heron")  # of its own: nothing has been made for it
    text = device_program("sx q[0]; cz q[0], q[1]; sx q[1]; c[0] = measure q[0]; c[1] = measure q[1];")
    first = _seconds(lambda: run("sampler", heron, [[text]]))

    best = min(_seconds(lambda: run("sampler", heron, [[text]])) for _ in range(8))

    assert best < first / 3


def _seconds(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
