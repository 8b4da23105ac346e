"""Drive mthree; run through the alias, prints what it calibrated and corrected, and what is known, as JSON.

Written for the official client: the package that it imports by that name is the alias' business.
"""

import json
import sys

import mthree
from qiskit import QuantumCircuit, transpile
from qiskit.providers import BackendV2
from qiskit_ibm_runtime import QiskitRuntimeService, SamplerV2

SHOTS = 20_000


def worst_pair(device: BackendV2) -> tuple[int, int]:
    """Return the neighbours whose readout errors are largest: the device says so itself."""
    properties = device.properties()
    return max(device.coupling_map, key=lambda edge: sum(properties.readout_error(qubit) for qubit in edge))


def flips(device: BackendV2, qubit: int) -> tuple[float, float]:
    """Return how often a qubit's 0 is read as 1, and its 1 as 0."""
    entry = device.properties().qubit_property(qubit)
    return entry["prob_meas1_prep0"][0], entry["prob_meas0_prep1"][0]


def main() -> None:
    device = QiskitRuntimeService(channel="local").backend(sys.argv[1])
    pair = worst_pair(device)
    bell = QuantumCircuit(2, 2)
    bell.h(0)
    bell.cx(0, 1)
    bell.measure([0, 1], [0, 1])
    circuit = transpile(bell, device, initial_layout=pair, seed_transpiler=3)
    mapping = mthree.utils.final_measurement_mapping(circuit)

    mitigation = mthree.M3Mitigation(device)
    mitigation.cals_from_system(mapping, shots=SHOTS)
    job = SamplerV2(device, options={"simulator": {"seed_simulator": 5}}).run([circuit], shots=SHOTS)
    counts = job.result()[0].data.c.get_counts()
    corrected = mitigation.apply_correction(counts, mapping)

    known = [flips(device, qubit) for qubit in pair]
    both = [(1 - 2 * known[0][bit]) * (1 - 2 * known[1][bit]) for bit in (0, 1)]
    found = [mitigation.single_qubit_cals[qubit] for qubit in pair]
    seen = {
        "package": SamplerV2.__module__,
        "mapping": [mapping[0], mapping[1]] == list(pair),
        "flips": [[[float(cal[1][0]), float(cal[0][1])] for cal in found], known],
        "raw": [float(mthree.utils.expval(counts)), sum(both) / 2],
        "corrected": float(corrected.expval()),
    }
    print(json.dumps(seen))


if __name__ == "__main__":
    main()
