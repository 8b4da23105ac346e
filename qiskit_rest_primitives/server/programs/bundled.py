"""The server's own programs: ``circuit-runner``, ``hello-world``, and ``sampler`` and ``estimator`` as they were before PUBs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from qiskit import transpile
from qiskit.circuit import QuantumCircuit
from qiskit.circuit.random import random_circuit
from qiskit.primitives import BackendEstimatorV2
from qiskit.transpiler import generate_preset_pass_manager

from ...programs.author import ProgramBackend, UserMessenger
from ...qasm.cache import independent_copy

SHOTS = 4000
LEVEL = 1
SETTINGS = ("approximation_degree", "initial_layout", "layout_method", "routing_method", "seed_transpiler")


def sampler(
    backend: ProgramBackend, _messenger: UserMessenger, circuits: Any, **inputs: Any
) -> dict[str, Any]:
    """Return ``quasi_dists``, one ``{outcome as text: probability}`` per run, and ``metadata``."""
    runs, ready, shots, seed = _read(backend, circuits, **inputs)
    counts = backend.run(ready, shots=shots, **seed).result().get_counts()
    listed = counts if isinstance(counts, list) else [counts]
    return {
        "quasi_dists": [
            {str(int(outcome.replace(" ", ""), 2)): number / shots for outcome, number in one.items()}
            for one in listed
        ],
        "metadata": [{"shots": shots, "circuit_metadata": run.metadata or {}} for run in runs],
    }


def estimator(
    backend: ProgramBackend,
    _messenger: UserMessenger,
    circuits: Any,
    observables: Any,
    observable_indices: Sequence[int] | None = None,
    **inputs: Any,
) -> dict[str, Any]:
    """Return ``values``, one number per run, and ``metadata`` with ``variance`` and ``shots``."""
    runs, ready, shots, seed = _read(backend, circuits, **inputs)
    listed = list(observables) if isinstance(observables, (list, tuple)) else [observables]
    wanted = [listed[index] for index in (observable_indices or range(len(listed)))]
    if len(wanted) != len(runs):
        raise ValueError(f"there are {len(runs)} circuits but {len(wanted)} observables")
    pubs = [
        (circuit, observable.apply_layout(circuit.layout) if circuit.layout else observable)
        for circuit, observable in zip(ready, wanted, strict=True)
    ]
    primitive = BackendEstimatorV2(backend=backend, options=seed)
    result = primitive.run(pubs, precision=shots**-0.5).result()
    return {
        "values": [float(pub.data.evs) for pub in result],
        "metadata": [{"variance": float(pub.data.stds) ** 2 * shots, "shots": shots} for pub in result],
    }


def _read(
    backend: ProgramBackend,
    circuits: Any,
    circuit_indices: Sequence[int] | None = None,
    parameter_values: Sequence[Sequence[float]] | None = None,
    run_options: Mapping[str, Any] | None = None,
    transpilation_settings: Mapping[str, Any] | None = None,
    **others: Any,
) -> tuple[list[QuantumCircuit], list[QuantumCircuit], int, dict[str, Any]]:
    """Return what both programs are given: the runs, also transpiled, their shots, and the seed as an option."""
    options = run_options or {}
    _tell(options, others)
    runs = _runs(circuits, circuit_indices, parameter_values)
    seed = options.get("seed_simulator")
    return (
        runs,
        _transpiled(runs, backend, transpilation_settings),
        options.get("shots") or SHOTS,
        {} if seed is None else {"seed_simulator": seed},
    )


def _runs(
    circuits: Any, indices: Sequence[int] | None, values: Sequence[Sequence[float]] | None
) -> list[QuantumCircuit]:
    """Return the circuits in the order of the runs, with their values."""
    listed = list(circuits) if isinstance(circuits, (list, tuple)) else [circuits]
    chosen = [listed[index] for index in (indices or range(len(listed)))]
    if not values:
        return chosen
    if len(values) != len(chosen):
        raise ValueError(f"there are {len(chosen)} circuits but {len(values)} lists of values")
    # Qiskit 2.6's assign_parameters changes, in the circuit that it copies, gates with definitions that stand in
    # blocks of control flow; every run after the first would have the angles of the first.
    pairs = zip(chosen, values, strict=True)
    return [independent_copy(circuit).assign_parameters(row) for circuit, row in pairs]


def _transpiled(
    circuits: list[QuantumCircuit], backend: ProgramBackend, settings: Mapping[str, Any] | None
) -> list[QuantumCircuit]:
    """Transpile as the options of the old clients say: ``optimization_settings.level`` and names of Qiskit's."""
    given = dict(settings or {})
    if given.get("skip_transpilation"):
        return circuits
    level = (given.get("optimization_settings") or {}).get("level")
    options = {name: given[name] for name in SETTINGS if given.get(name) is not None}
    return list(
        generate_preset_pass_manager(LEVEL if level is None else level, backend, **options).run(circuits)
    )


def _tell(options: Mapping[str, Any], others: Mapping[str, Any]) -> None:
    """Write into the job's log what was asked for and is not done here."""
    resilience = others.get("resilience_settings") or {}
    ignored = ["run_options.noise_model"] if options.get("noise_model") else []
    ignored += ["resilience_settings"] if resilience.get("level") else []
    for name in ignored:
        print(f"{name} has no effect here")


def hello_world(backend: ProgramBackend, user_messenger: UserMessenger, iterations: int = 1, **_: Any) -> str:
    """Run random circuits of two qubits and publish the counts of each."""
    for iteration in range(iterations):
        circuit = transpile(random_circuit(2, 4, measure=True, seed=iteration), backend)
        counts = backend.run(circuit, shots=1000).result().get_counts()
        user_messenger.publish({"iteration": iteration, "counts": counts})
    return "All done!"


def circuit_runner(
    backend: ProgramBackend,
    _messenger: UserMessenger,
    circuits: Any,
    shots: int = 4000,
    initial_layout: Any = None,
    layout_method: str | None = None,
    routing_method: str | None = None,
    translation_method: str | None = None,
    seed_transpiler: int | None = None,
    optimization_level: int | None = None,
    skip_transpilation: bool = False,
    seed_simulator: int | None = None,
    memory: bool = False,
    **unknown: Any,
) -> dict[str, Any]:
    """Run circuits; the arguments are those of ``qiskit.transpile`` and of the simulator.

    Returns:
        A ``qiskit.result.Result`` as a dict.
    """
    wanted = [name for name, value in unknown.items() if value]
    if wanted:
        raise ValueError(f"circuit-runner does not do this: {', '.join(sorted(wanted))}")
    if not skip_transpilation:
        circuits = transpile(
            circuits,
            backend,
            initial_layout=initial_layout,
            layout_method=layout_method,
            routing_method=routing_method,
            translation_method=translation_method,
            seed_transpiler=seed_transpiler,
            optimization_level=1 if optimization_level is None else optimization_level,
        )
    result: dict[str, Any] = (
        backend.run(circuits, shots=shots, memory=memory, seed_simulator=seed_simulator).result().to_dict()
    )
    return result
