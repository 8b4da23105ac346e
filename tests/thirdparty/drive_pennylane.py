"""Drive pennylane-qiskit's remote device; run through the alias, prints what it saw as JSON.

Written for the official client: the package that it imports by that name is the alias' business.
"""

import json
import math
import sys

import numpy as np
import pennylane as qml
from pennylane_qiskit import RemoteDevice, qiskit_session
from qiskit.providers import BackendV2
from qiskit_aer import AerSimulator
from qiskit_ibm_runtime import QiskitRuntimeService, RuntimeJobV2, SamplerV2

ANGLE = 0.6
SHOTS = 4000


def remote_device(backend: BackendV2) -> RemoteDevice:
    device = qml.device("qiskit.remote", wires=2, backend=backend, optimization_level=1, seed_transpiler=5)
    assert isinstance(device, RemoteDevice)
    return device


def measure(device: RemoteDevice) -> dict[str, object]:
    """Return pairs of what was found and what is exact."""

    @qml.set_shots(SHOTS)
    @qml.qnode(device, diff_method="parameter-shift")
    def correlation(angle: float) -> object:
        qml.RY(angle, wires=0)
        qml.CNOT(wires=[0, 1])
        return qml.expval(qml.PauliZ(1))

    @qml.set_shots(SHOTS)
    @qml.qnode(device)
    def outcomes(angle: float) -> object:
        qml.RY(angle, wires=0)
        qml.CNOT(wires=[0, 1])
        return qml.probs(wires=[0, 1]), qml.counts(), qml.sample(), qml.var(qml.PauliZ(0))

    @qml.set_shots(SHOTS)
    @qml.qnode(device)
    def energy(angle: float) -> object:
        qml.RY(angle, wires=0)
        return qml.expval(qml.Hamiltonian([0.5, 2.0], [qml.PauliX(0), qml.PauliZ(0) @ qml.PauliZ(1)]))

    angle = qml.numpy.array(ANGLE, requires_grad=True)
    probabilities, counts, samples, variance = outcomes(ANGLE)
    likely = [math.cos(ANGLE / 2) ** 2, 0, 0, math.sin(ANGLE / 2) ** 2]
    found = np.array([counts.get(key, 0) for key in ("00", "01", "10", "11")], dtype=int)
    return {
        "value": [float(correlation(angle)), math.cos(ANGLE)],
        "slope": [float(qml.grad(correlation)(angle)), -math.sin(ANGLE)],
        "energy": [float(energy(ANGLE)), 0.5 * math.sin(ANGLE) + 2 * math.cos(ANGLE)],
        "probabilities": [np.asarray(probabilities).tolist(), likely],
        "counts": [(found / SHOTS).tolist(), likely],
        "samples": [np.asarray(samples).mean(axis=0).tolist(), [likely[3], likely[3]]],
        "variance": [float(variance), math.sin(ANGLE) ** 2],
        "shots": [int(found.sum()), len(samples)],
    }


def in_a_session(device: RemoteDevice, service: QiskitRuntimeService) -> dict[str, object]:
    @qml.set_shots(SHOTS)
    @qml.qnode(device)
    def value(angle: float) -> object:
        qml.RY(angle, wires=0)
        return qml.expval(qml.PauliZ(0))

    with qiskit_session(device, max_time=60) as session:
        found = [float(value(ANGLE)), math.cos(ANGLE)]
        jobs = service.jobs(session_id=session.session_id)
        assert all(isinstance(job, RuntimeJobV2) for job in jobs)
        state = session.details()["state"]
    return {"value": found, "jobs": len(jobs), "state": state, "after": session.status()}


def main() -> None:
    service = QiskitRuntimeService(channel="local")
    seen: dict[str, object] = {"package": SamplerV2.__module__}
    exact, noisy = (service.backend(name) for name in sys.argv[1:])
    for label, backend in {"exact": exact, "noisy": noisy, "hosted": AerSimulator()}.items():
        seen[label] = measure(remote_device(backend))
    seen["session"] = in_a_session(remote_device(exact), service)
    print(json.dumps(seen))


if __name__ == "__main__":
    main()
