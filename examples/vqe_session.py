"""A VQE in a Session, offline: the program that ``make demo`` runs.

It finds the ground energy of the hydrogen molecule on two qubits. The ansatz is transpiled for the
backend, every energy is one estimator job over HTTP, and the optimiser is scipy's COBYLA. Change the
import to ``qiskit_ibm_runtime`` and the channel, and the same lines run with the official client.
"""

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
    ansatz = pass_manager.run(efficient_su2(2, su2_gates=["ry"], reps=1))
    hamiltonian = HAMILTONIAN.apply_layout(ansatz.layout)
    print(f"{backend.name} at {service.active_account()['url']}: {ansatz.num_parameters} parameters")
    iterations = 0

    with Session(backend=backend) as session:
        # One seed for all jobs gives every energy the same noise, so that COBYLA sees a smooth landscape.
        estimator = Estimator(mode=session, options={"default_shots": SHOTS, "seed_estimator": 7})

        def energy(parameters: np.ndarray) -> float:
            nonlocal iterations
            iterations += 1
            data = estimator.run([(ansatz, hamiltonian, parameters)]).result()[0].data
            print(f"iteration {iterations:3d}   energy {data.evs:+.5f}   +- {data.stds:.5f}")
            return float(data.evs)

        found = minimize(
            energy,
            np.full(ansatz.num_parameters, 0.1),
            method="cobyla",
            options={"maxiter": 60, "rhobeg": 0.8},
        )
        estimator.options.seed_estimator = 8  # noise that the optimiser has not seen
        final = estimator.run([(ansatz, hamiltonian, found.x)]).result()[0].data
        print(session.status(), session.details())

    exact = float(np.linalg.eigvalsh(HAMILTONIAN.to_matrix())[0])
    deviations = (final.evs - exact) / final.stds
    print(
        f"VQE {final.evs:+.5f} +- {final.stds:.5f}   exact {exact:+.5f}   {deviations:+.1f} standard deviations"
    )
    return 0 if abs(deviations) <= 5 else 1


if __name__ == "__main__":
    sys.exit(main())
