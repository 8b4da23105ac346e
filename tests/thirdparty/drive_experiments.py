"""Drive qiskit-experiments; run through the alias, prints what it fitted and what is known as JSON.

Written for the official client: the package that it imports by that name is the alias' business.
"""

import json
import sys

import numpy as np
from qiskit import QuantumCircuit
from qiskit.providers import BackendV2
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, depolarizing_error
from qiskit_experiments.framework import BaseExperiment
from qiskit_experiments.library import T1, StandardRB, StateTomography, T2Ramsey
from qiskit_ibm_runtime import QiskitRuntimeService, SamplerV2

QUBIT = 0
DEPOLARIZING = 0.02


def sampler(backend: BackendV2) -> SamplerV2:
    return SamplerV2(backend, options={"simulator": {"seed_simulator": 5}})


def values(
    experiment: BaseExperiment, backend: BackendV2 | None, given: SamplerV2 | None, shots: int
) -> dict:
    """Return what the analysis found: name -> value."""
    more = {} if given is None else {"sampler": given}
    data = experiment.run(backend, shots=shots, seed_simulator=5, **more).block_for_results()
    assert data.status().name == "DONE", data.errors()
    table = data.analysis_results(dataframe=True)
    return dict(zip(table["name"], table["value"], strict=True))


def measured(value: object, known: float) -> list[float]:
    """Return a fitted value, its standard error, and what is known."""
    return [float(value.nominal_value), float(value.std_dev), known]


def coherence(device: BackendV2) -> dict[str, list[float]]:
    """Measure how the device's qubit decays: by a sampler that is given, by one that the package makes, by both."""
    t1, t2 = device.properties().t1(QUBIT), device.properties().t2(QUBIT)
    decay = T1([QUBIT], np.linspace(1e-6, 3 * t1, 12), backend=device)
    frequency = 3 / t2
    ramsey = T2Ramsey([QUBIT], np.linspace(1e-7, 1.5 * t2, 30), osc_freq=frequency, backend=device)
    turned = values(ramsey, None, sampler(device), 1000)
    return {
        "T1": measured(values(decay, device, sampler(device), 1000)["T1"], t1),
        "T1 by a sampler of its own": measured(values(decay, device, None, 1000)["T1"], t1),
        "frequency": measured(turned["Frequency"], frequency),
        "T2*": measured(turned["T2star"], t2),
    }


def benchmark() -> list[float]:
    """Measure the error of a Clifford gate where every ``sx`` and ``x`` depolarizes by a known part.

    Depolarizing commutes with everything, so that only the number of those gates in a Clifford gate matters.
    """
    noise = NoiseModel(["rz", "sx", "x"])
    noise.add_all_qubit_quantum_error(depolarizing_error(DEPOLARIZING, 1), ["sx", "x"])
    backend = AerSimulator(noise_model=noise, n_qubits=1, basis_gates=["rz", "sx", "x"])
    lengths = [1, 10, 20, 40, 80]
    experiment = StandardRB([0], lengths, num_samples=4, seed=5, backend=backend)
    circuits = experiment._transpiled_circuits()
    noisy = sum(circuit.count_ops().get(name, 0) for circuit in circuits for name in ("sx", "x"))
    each = noisy / sum(circuit.metadata["xval"] + 1 for circuit in circuits)  # one more undoes the others
    known = (1 - (1 - DEPOLARIZING) ** each) / 2
    return measured(values(experiment, backend, sampler(backend), 1000)["EPC"], known)


def fidelity(backend: BackendV2) -> float:
    """Measure how much a Bell state is one."""
    bell = QuantumCircuit(2)
    bell.h(0)
    bell.cx(0, 1)
    return float(values(StateTomography(bell), backend, sampler(backend), 2000)["state_fidelity"])


def main() -> None:
    service = QiskitRuntimeService(channel="local")
    exact, noisy = (service.backend(name) for name in sys.argv[1:])
    seen = {
        "package": SamplerV2.__module__,
        **coherence(noisy),
        "EPC": benchmark(),
        "fidelity": fidelity(exact),
    }
    print(json.dumps(seen))


if __name__ == "__main__":
    main()
