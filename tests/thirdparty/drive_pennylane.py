"""Drive pennylane-qiskit's remote device; run through the alias, prints what it saw as JSON.

Written for the official client: the package that it imports by that name is the alias' business.
"""

import json
import math
import sys

import numpy as np
import pennylane as qml
from pennylane_qiskit import RemoteDevice, qiskit_session
from qiskit_ibm_runtime import QiskitRuntimeService

ANGLE = 0.6


def main() -> None:
    service = QiskitRuntimeService(channel="local")
    backend = service.backend(sys.argv[1])
    device = qml.device("qiskit.remote", wires=2, backend=backend)
    assert isinstance(device, RemoteDevice)

    @qml.set_shots(4000)
    @qml.qnode(device, diff_method="parameter-shift")
    def correlation(angle: float) -> object:
        qml.RY(angle, wires=0)
        qml.CNOT(wires=[0, 1])
        return qml.expval(qml.PauliZ(1))

    @qml.set_shots(4000)
    @qml.qnode(device)
    def outcomes(angle: float) -> object:
        qml.RY(angle, wires=0)
        qml.CNOT(wires=[0, 1])
        return qml.probs(wires=[0, 1]), qml.counts(), qml.var(qml.PauliZ(0))

    angle = qml.numpy.array(ANGLE, requires_grad=True)
    seen: dict[str, object] = {"package": sys.modules["qiskit_ibm_runtime"].SamplerV2.__module__}
    seen["value"] = [float(correlation(angle)), math.cos(ANGLE)]
    seen["slope"] = [float(qml.grad(correlation)(angle)), -math.sin(ANGLE)]
    probabilities, counts, variance = outcomes(ANGLE)
    seen["probabilities"] = [
        np.asarray(probabilities).tolist(),
        [math.cos(ANGLE / 2) ** 2, 0, 0, math.sin(ANGLE / 2) ** 2],
    ]
    seen["shots"] = sum(int(count) for count in counts.values())
    seen["variance"] = [float(variance), math.sin(ANGLE) ** 2]
    with qiskit_session(device, max_time=60) as session:
        seen["in_session"] = [float(correlation(angle)), math.cos(ANGLE)]
        jobs = service.jobs(session_id=session.session_id)
        seen["session"] = [len(jobs), session.details()["state"]]
    seen["closed"] = session.status()
    print(json.dumps(seen))


if __name__ == "__main__":
    main()
