"""Drive the official client's noise learner and calibrator; prints what it saw as JSON."""

import json
import warnings

warnings.simplefilter("ignore")

from qiskit import QuantumCircuit, QuantumRegister  # noqa: E402
from qiskit.circuit import ClassicalRegister  # noqa: E402
from qiskit_ibm_runtime import Calibrator, NoiseLearnerV3, QiskitRuntimeService, Session  # noqa: E402
from samplomatic import InjectNoise, Twirl  # noqa: E402


def main() -> None:
    seen: dict[str, object] = {}
    service = QiskitRuntimeService()
    backend = service.backend("local_heron")
    first, second = next(iter(backend.coupling_map.get_edges()))
    circuit = QuantumCircuit(QuantumRegister(backend.num_qubits, "q"), ClassicalRegister(2, "c"))
    with circuit.box([Twirl(), InjectNoise("gates")]):
        circuit.cz(first, second)
    with circuit.box([Twirl(), InjectNoise("readout")]):
        circuit.measure([first, second], [0, 1])
    boxes = list(circuit)
    with Session(backend=backend) as session:
        calibrated = Calibrator(session).run().result()
        learner = NoiseLearnerV3(session)
        learner.options.num_randomizations = 4
        learner.options.layer_pair_depths = [0, 8]
        learner.options.bit_flip_checks.post_circuit.enable = True
        job = learner.run(boxes)
        results = job.result()
    seen["calibrated"] = (calibrated.start.isoformat(), calibrated.stop.isoformat())
    seen["protocols"] = [entry.metadata["learning_protocol"] for entry in results]
    seen["refs"] = sorted(results.to_dict(boxes))
    seen["terms"] = [len(noise.rates) for noise in results.to_pauli_lindblad_maps()]
    seen["kept"] = [entry.metadata["post_selection"]["fraction_kept"] for entry in results]
    again = service.job(job.job_id())
    seen["again"] = again.result().to_pauli_lindblad_maps() == results.to_pauli_lindblad_maps()
    seen["inputs"] = (again.inputs["instructions"] == boxes, again.inputs["options"].num_randomizations)
    try:
        Calibrator(backend).run()
    except Exception as error:  # noqa: BLE001 - the words are what is asked for
        seen["refused"] = str(error)
    print(json.dumps(seen))


if __name__ == "__main__":
    main()
