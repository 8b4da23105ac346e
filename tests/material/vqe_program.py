"""A variational eigensolver as a runtime program: one angle after the other is set to its best value."""

import math

from qiskit.primitives import BackendEstimatorV2
from qiskit.transpiler import generate_preset_pass_manager


def main(backend, user_messenger, ansatz, hamiltonian, sweeps=2, shots=4000):
    isa = generate_preset_pass_manager(1, backend).run(ansatz)
    observable = hamiltonian.apply_layout(isa.layout)
    estimator = BackendEstimatorV2(backend=backend, options={"seed_simulator": 5})

    def energy(point):
        pub = (isa, observable, point)
        return float(estimator.run([pub], precision=shots**-0.5).result()[0].data.evs)

    point = [0.1] * ansatz.num_parameters
    for sweep in range(sweeps):
        for index in range(len(point)):
            values = []
            for shift in (0.0, math.pi / 2, -math.pi / 2):
                moved = list(point)
                moved[index] += shift
                values.append(energy(moved))
            here, up, down = values
            point[index] -= math.pi / 2 + math.atan2(2 * here - up - down, up - down)
            user_messenger.publish({"sweep": sweep, "index": index, "point": point})
    return {"energy": energy(point), "point": point}
