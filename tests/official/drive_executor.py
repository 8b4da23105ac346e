"""Drive the official client's new primitives, which submit ``executor`` programs; prints what it saw as JSON."""

import json
import warnings

warnings.simplefilter("ignore")

import numpy as np  # noqa: E402
from qiskit import QuantumCircuit, generate_preset_pass_manager  # noqa: E402
from qiskit.circuit import Parameter  # noqa: E402
from qiskit.quantum_info import SparsePauliOp  # noqa: E402
from qiskit_ibm_runtime import Executor, QiskitRuntimeService, Session  # noqa: E402
from qiskit_ibm_runtime.executor_estimator import Estimator  # noqa: E402
from qiskit_ibm_runtime.executor_sampler import Sampler  # noqa: E402
from qiskit_ibm_runtime.quantum_program import QuantumProgram  # noqa: E402


def main() -> None:
    seen: dict[str, object] = {}
    service = QiskitRuntimeService()
    backend = service.backend("local_heron")
    passes = generate_preset_pass_manager(optimization_level=1, backend=backend, seed_transpiler=1)
    theta = Parameter("theta")
    bell = QuantumCircuit(2, metadata={"of": "mine"})
    bell.h(0)
    bell.cx(0, 1)
    bell.measure_all()
    turn = QuantumCircuit(1)
    turn.ry(theta, 0)
    turn.measure_all()
    bell, turn = passes.run([bell, turn])

    job = Sampler(mode=backend).run([bell, (turn, [[0.0], [np.pi]])], shots=1000)
    result = job.result()
    seen["counts"] = result[0].data.meas.get_counts()
    seen["metadata"] = result[0].metadata
    seen["sweep"] = [result[1].data.meas[index].get_counts() for index in range(2)]
    again = service.job(job.job_id())
    seen["again"] = again.result()[0].data.meas.get_counts() == seen["counts"]
    seen["inputs"] = again.inputs["quantum_program"].shots

    twirled = Sampler(mode=backend)
    twirled.options.twirling.enable_gates = twirled.options.twirling.enable_measure = True
    result = twirled.run([bell], shots=1024).result()
    seen["twirled"] = (result[0].data.meas.get_counts(), result[0].metadata["num_randomizations"])
    kerneled = Sampler(mode=backend)
    kerneled.options.execution.meas_type = "kerneled"
    points = kerneled.run([bell], shots=100).result()[0].data.meas
    seen["kerneled"] = (points.shape, float(np.mean(points.real[:, 0] * points.real[:, 1])))

    entangled = QuantumCircuit(2)
    entangled.ry(theta, 0)
    entangled.cx(0, 1)
    entangled = passes.run(entangled)
    observable = SparsePauliOp(["ZZ", "XX", "ZI"]).apply_layout(entangled.layout)
    with Session(backend=backend) as session:
        result = Estimator(mode=session).run([(entangled, observable, [[0.0], [np.pi / 2]])]).result()
    seen["evs"] = result[0].data.evs.tolist()
    seen["stds"] = result[0].data.stds.tolist()

    program = QuantumProgram(shots=10, passthrough_data={"mine": [1, None, {"x": np.arange(3)}]})
    program.append_circuit_item(turn, circuit_arguments=np.zeros((2, 3, 1)))
    result = Executor(backend).run(program).result()
    seen["raw"] = (result[0]["meas"].shape, str(result[0]["meas"].dtype), result.passthrough_data["mine"][:2])
    seen["array"] = result.passthrough_data["mine"][2]["x"].tolist()

    far = QuantumCircuit(backend.num_qubits, 1)
    far.cz(0, 100)
    far.measure(100, 0)
    program = QuantumProgram(shots=10)
    program.append_circuit_item(far)
    job = service._run("executor", _document(program), {"backend": backend})
    job.wait_for_final_state()
    seen["failure"] = (job.status(), job.error_message())
    print(json.dumps(seen))


def _document(program: QuantumProgram) -> dict:
    from qiskit_ibm_runtime.options_models.executor import ExecutorOptions
    from qiskit_ibm_runtime.quantum_program.converters import quantum_program_to_1_1

    return quantum_program_to_1_1(program, ExecutorOptions()).model_dump()


if __name__ == "__main__":
    main()
