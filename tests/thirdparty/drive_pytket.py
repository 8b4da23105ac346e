"""Drive pytket-qiskit; run through the alias, prints what it saw as JSON.

Written for the official client: the package that it imports by that name is the alias' business.
"""

import json
import sys
from typing import Any

from pytket import Circuit
from pytket.backends import Backend
from pytket.extensions.qiskit import IBMQBackend
from qiskit_ibm_runtime import QiskitRuntimeService, SamplerV2

SHOTS = 4000


def bell(backend: Backend) -> dict[str, Any]:
    """Compile and run a Bell state on qubits that are no neighbours, and wait for it."""
    compiled = backend.get_compiled_circuit(Circuit(3).H(0).CX(0, 2).CX(0, 1).CX(0, 1).measure_all())
    assert backend.valid_circuit(compiled)
    handle = backend.process_circuit(compiled, n_shots=SHOTS)
    counts = backend.get_result(handle).get_counts()
    return {
        "counts": {"".join(map(str, outcome)): int(count) for outcome, count in counts.items()},
        "status": backend.circuit_status(handle).status.name,
    }


def main() -> None:
    service = QiskitRuntimeService(channel="local")
    exact, noisy = sys.argv[1:]
    device = IBMQBackend(noisy, service=service)
    seen = {
        "package": SamplerV2.__module__,
        "names": [info.device_name for info in IBMQBackend.available_devices(service=service)],
        "qubits": [device.backend_info.n_nodes, service.backend(noisy).num_qubits],
        "exact": bell(IBMQBackend(exact, service=service)),
        "noisy": bell(device),
    }
    print(json.dumps(seen))


if __name__ == "__main__":
    main()
