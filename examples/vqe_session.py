"""A VQE in a Session, offline: the program that ``make demo`` runs.

It finds the ground energy of the hydrogen molecule on two qubits. The ansatz is transpiled for the
backend, every energy is one estimator job over HTTP, and the optimiser is scipy's COBYLA. Change the
import to ``qiskit_ibm_runtime`` and the channel, and the same lines run with the official client.
"""

import math
import sys

import numpy as np
from qiskit.circuit.library import efficient_su2
from qiskit.quantum_info import SparsePauliOp
from qiskit.transpiler import generate_preset_pass_manager
from scipy.optimize import minimize

from qiskit_rest_primitives import EstimatorV2 as Estimator
from qiskit_rest_primitives import QiskitRuntimeService, Session

SHOTS = 10_000
HAMILTONIAN = SparsePauliOp.from_list(
    [("II", -1.0523732), ("IZ", 0.39793742), ("ZI", -0.39793742), ("ZZ", -0.0112801), ("XX", 0.18093119)]
)


def main() -> int:
    service = QiskitRuntimeService(channel="local")
    backend = service.least_busy(operational=True, simulator=True)
    pass_manager = generate_preset_pass_manager(optimization_level=1, backend=backend)
    ansatz = pass_manager.run(efficient_su2(2, reps=1))
    hamiltonian = HAMILTONIAN.apply_layout(ansatz.layout)
    print(f"{backend.name} at {service.active_account()['url']}: {ansatz.num_parameters} parameters")

    energies: list[float] = []
    deviations: list[float] = []

    with Session(backend=backend) as session:
        estimator = Estimator(mode=session, options={"default_shots": SHOTS})

        def energy(parameters: np.ndarray) -> float:
            result = estimator.run([(ansatz, hamiltonian, parameters)]).result()[0]
            energies.append(float(result.data.evs))
            deviations.append(float(result.data.stds))
            print(f"iteration {len(energies):3d}   energy {energies[-1]:+.5f}   +- {deviations[-1]:.5f}")
            return energies[-1]

        start = np.random.default_rng(7).uniform(-0.3, 0.3, ansatz.num_parameters)
        found = minimize(energy, start, method="cobyla", options={"maxiter": 80, "rhobeg": 0.6})
        print(session.status(), session.details())

    exact = float(np.linalg.eigvalsh(HAMILTONIAN.to_matrix())[0])
    # What an optimiser that sees noisy energies can be asked for: the minimum to within five standard
    # deviations of one energy, plus as much again for stopping on a flat, noisy valley floor.
    allowed = 10 * max(deviations[-10:]) + 10 * math.sqrt(1 / SHOTS) * 0.1
    error = abs(found.fun - exact)
    print(f"VQE {found.fun:+.5f}   exact {exact:+.5f}   difference {error:.5f}   allowed {allowed:.5f}")
    return 0 if error <= allowed else 1


if __name__ == "__main__":
    sys.exit(main())
