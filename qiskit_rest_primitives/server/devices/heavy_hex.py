"""The emulated Heron-class device: a 156-qubit heavy-hex lattice with plausible, repeatable calibration data.

Only documents are made here (rest-api.md 3.2, 3.3); ``device`` turns them into a device. Every number comes
from a fixed seed, so two processes, and two runs, describe the same machine.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...wire.calibration import EPOCH, what_all_say

ROWS = 8
ROW_LENGTH = 16
BRIDGE_COLUMNS = ((3, 7, 11, 15), (1, 5, 9, 13))
NUM_QUBITS = ROWS * ROW_LENGTH + (ROWS - 1) * 4
VERSION = "1.0.0"
SEED = 20260821

ONE_QUBIT_LENGTH = 32.0
TWO_QUBIT_LENGTHS = (68.0, 84.0)
READOUT_LENGTH = 1560.0
INSTRUCTIONS = ("delay", "measure", "reset", "if_else", "for_loop", "while_loop", "switch_case", "store")
GATES: dict[str, tuple[list[str], str, int]] = {
    "cz": ([], "gate cz q0, q1 { ctrl @ z q0, q1; }", 2),
    "id": ([], "gate id q { U(0, 0, 0) q; }", 1),
    "rx": (["theta"], "gate rx(theta) q { U(theta, -pi/2, pi/2) q; }", 1),
    "rz": (["theta"], "gate rz(theta) q { U(0, 0, theta) q; }", 1),
    "rzz": (["theta"], "gate rzz(theta) q0, q1 { cx q0, q1; rz(theta) q1; cx q0, q1; }", 2),
    "sx": ([], "gate sx q { U(pi/2, 3*pi/2, pi/2) q; }", 1),
    "x": ([], "gate x q { U(pi, 0, pi) q; }", 1),
}


def heron_coupling() -> list[tuple[int, int]]:
    """Return the edges of the lattice, each once, smaller qubit first, sorted.

    Eight rows of sixteen qubits in a line; four bridge qubits join each row to the next.
    """
    edges = []
    pitch = ROW_LENGTH + 4
    for row in range(ROWS):
        first = row * pitch
        edges += [(first + column, first + column + 1) for column in range(ROW_LENGTH - 1)]
        if row + 1 == ROWS:
            break
        for place, column in enumerate(BRIDGE_COLUMNS[row % 2]):
            bridge = first + ROW_LENGTH + place
            edges += [(first + column, bridge), (bridge, first + pitch + column)]
    return sorted(edges)


def heron_configuration(name: str) -> dict[str, Any]:
    """Return the configuration document of the device called ``name``; times in ns."""
    pairs = sorted(pair for edge in heron_coupling() for pair in (edge, edge[::-1]))
    places = {1: [[qubit] for qubit in range(NUM_QUBITS)], 2: [list(pair) for pair in pairs]}
    return {
        "backend_name": name,
        "backend_version": VERSION,
        "n_qubits": NUM_QUBITS,
        "basis_gates": list(GATES),
        "gates": [
            {"name": gate, "parameters": parameters, "qasm_def": body, "coupling_map": places[width]}
            for gate, (parameters, body, width) in GATES.items()
        ]
        + [{"name": gate, "parameters": [], "qasm_def": None} for gate in ("reset", "measure")],
        "simulator": False,
        "conditional": False,
        "max_shots": 1_000_000,
        "coupling_map": places[2],
        "description": f"emulated {NUM_QUBITS} qubit heavy-hex device",
        "sample_name": "family: Heron, revision: 2",
        "processor_type": {"family": "Heron", "revision": "2"},
        "dt": 4.0,
        "dtm": 4.0,
        "rep_times": [0.001],
        "rep_delay_range": [0.0, 2000.0],
        "default_rep_delay": 250.0,
        "dynamic_reprate_enabled": True,
        "timing_constraints": {
            "granularity": 1,
            "min_length": 2,
            "pulse_alignment": 1,
            "acquire_alignment": 1,
        },
        "supported_instructions": [*GATES, *INSTRUCTIONS],
        "supported_features": ["qobj", "qasm3", "dynamic_circuits", "parameters"],
        "meas_map": [list(range(NUM_QUBITS))],
        "coords": _coordinates(),
        "clops_h": 195_000,
        **what_all_say(),
    }


def heron_properties(name: str) -> dict[str, Any]:
    """Return the properties document of the device called ``name``: us, ns and bare probabilities."""
    random = np.random.default_rng(SEED)
    t1 = _spread(random, 160.0, 0.35, NUM_QUBITS, 40.0, 350.0)
    # T2 stays below T1, so that relaxation is a mixture of Pauli errors and resets, which a stabilizer
    # simulation of a wide Clifford circuit can carry.
    t2 = t1 * random.uniform(0.4, 0.98, NUM_QUBITS)
    missed_one = _spread(random, 0.010, 0.5, NUM_QUBITS, 0.002, 0.06)
    false_one = _spread(random, 0.006, 0.5, NUM_QUBITS, 0.001, 0.04)
    one_qubit = _spread(random, 2.6e-4, 0.35, NUM_QUBITS, 1e-4, 2e-3)
    qubits = [
        [
            _nduv("T1", "us", t1[qubit], 3),
            _nduv("T2", "us", t2[qubit], 3),
            _nduv("readout_error", "", (missed_one[qubit] + false_one[qubit]) / 2, 6),
            _nduv("prob_meas0_prep1", "", missed_one[qubit], 6),
            _nduv("prob_meas1_prep0", "", false_one[qubit], 6),
            _nduv("readout_length", "ns", READOUT_LENGTH, 1),
        ]
        for qubit in range(NUM_QUBITS)
    ]
    gates = [
        _gate("rz", [qubit], 0.0, 0.0)
        if gate == "rz"
        else _gate(gate, [qubit], one_qubit[qubit], ONE_QUBIT_LENGTH)
        for gate in ("id", "rx", "rz", "sx", "x")
        for qubit in range(NUM_QUBITS)
    ]
    edges = heron_coupling()
    two_qubit = _spread(random, 2.6e-3, 0.35, len(edges), 1.2e-3, 2e-2)
    lengths = random.choice(TWO_QUBIT_LENGTHS, len(edges))
    for gate, factor in (("cz", 1.0), ("rzz", 1.1)):
        for edge, error, length in zip(edges, two_qubit, lengths, strict=True):
            gates += [_gate(gate, list(pair), error * factor, length) for pair in (edge, edge[::-1])]
    return {
        "backend_name": name,
        "backend_version": VERSION,
        "last_update_date": EPOCH,
        "qubits": qubits,
        "gates": gates,
        "general": [],
        "general_qlists": [],
    }


def _coordinates() -> list[list[int]]:
    places = []
    for row in range(ROWS):
        places += [[column, 2 * row] for column in range(ROW_LENGTH)]
        if row + 1 < ROWS:
            places += [[column, 2 * row + 1] for column in BRIDGE_COLUMNS[row % 2]]
    return places


def _spread(
    random: np.random.Generator, median: float, width: float, count: int, low: float, high: float
) -> np.ndarray:
    return np.clip(median * np.exp(width * random.standard_normal(count)), low, high)


def _nduv(name: str, unit: str, value: float, digits: int) -> dict[str, Any]:
    return {"date": EPOCH, "name": name, "unit": unit, "value": round(float(value), digits)}


def _gate(name: str, qubits: list[int], error: float, length: float) -> dict[str, Any]:
    return {
        "qubits": qubits,
        "gate": name,
        "name": name + "_".join(map(str, qubits)),
        "parameters": [_nduv("gate_error", "", error, 8), _nduv("gate_length", "ns", length, 1)],
    }
