"""``NoiseLearner``: learns the noise of the layers of two-qubit gates in circuits (rest-api.md 4.7, version 2)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from qiskit.circuit import QuantumCircuit
from qiskit.primitives.containers import EstimatorPubLike
from qiskit.primitives.containers.estimator_pub import EstimatorPub

from .._calls import explained
from ..exceptions import IBMInputValueError
from ..jobs.job import RuntimeJobV2
from ..models.backend import IBMBackend
from ..options.noise_learner import NoiseLearnerOptions, read_learner_options
from ..primitives.base import Primitive
from ..primitives.isa import summary_of
from ..primitives.pubs import writing
from ..primitives.submit import check_body, run_arguments, written_models
from ..qasm.codec import dump_circuit


class NoiseLearner(Primitive[NoiseLearnerOptions]):
    """Learns the Pauli-Lindblad noise of the layers of circuits.

    Its result can be set as ``estimator.options.resilience.layer_noise_model``.

    Args:
        mode: A backend for single jobs, a Session or Batch, or None for the session of the enclosing
            ``with``.
        options: ``NoiseLearnerOptions`` or a dict of them, which are copied; or ``EstimatorOptions``, of which
            ``resilience.layer_noise_learning``, ``twirling.strategy`` and what every job has are taken.

    Raises:
        ValueError: If ``mode`` is nothing to run on.
        TypeError: If ``options`` is none of these.
    """

    _options_class = NoiseLearnerOptions

    def _read_options(self, options: Any) -> NoiseLearnerOptions:
        return read_learner_options(options)

    @explained()
    def run(
        self, circuits: Iterable[QuantumCircuit | EstimatorPubLike], dry_run: bool = False
    ) -> RuntimeJobV2:
        """Submit one job.

        The service collects the two-qubit gates of the circuits into layers and learns those that occur most often.

        Args:
            circuits: Circuits, or PUBs of an estimator, of which the circuit is taken. They must fit the backend
                (transpiled), unless it is a simulator. Measurements at their end and classical registers are left out:
                the service fails on them, and there is nothing that they could say of the gates.
            dry_run: Have the job checked and timed by the mock twin of the backend; rates are random.

        Returns:
            The job; its result is a ``NoiseLearnerResult``, one ``LayerError`` per layer.

        Raises:
            IBMInputValueError: If a circuit does not fit the backend, has fractional gates or needs classical bits;
                nothing was sent.
            IBMRuntimeError: If the service refuses the job.
        """
        place, options = self._ready()
        gates = [_gates_of(_circuit_of(item, index), index) for index, item in enumerate(_listed(circuits))]
        for index, circuit in enumerate(gates):
            _check_twirled(circuit, place.backend, index)
        with writing("A circuit"):
            written = [dump_circuit(circuit, circuit_format=options.circuit_format) for circuit in gates]
        wire = options.to_wire()
        params = {
            "version": 2,
            "circuits": [circuit.wire for circuit in written],
            "options": written_models(wire.options),
        }
        return place.backend.service._run(
            **run_arguments(place, "noise-learner", params, wire.envelope, dry_run=dry_run)
        )


def _listed(circuits: Any) -> list[Any]:
    if isinstance(circuits, QuantumCircuit) or not isinstance(circuits, Iterable):
        raise IBMInputValueError(
            f"run() takes a list of circuits or PUBs, not {type(circuits).__name__}: write run([circuit])."
        )
    return list(circuits)


def _circuit_of(item: Any, index: int) -> QuantumCircuit:
    if isinstance(item, QuantumCircuit):
        return item
    try:
        return EstimatorPub.coerce(item).circuit
    except (ValueError, TypeError) as cause:
        raise IBMInputValueError(f"Item {index} is no circuit and no PUB of an estimator: {cause}") from cause


def _gates_of(circuit: QuantumCircuit, index: int) -> QuantumCircuit:
    """Return a circuit without the measurements at its end and without classical bits."""
    if not circuit.clbits:
        return circuit
    unmeasured = circuit.remove_final_measurements(inplace=False)
    gates = QuantumCircuit(unmeasured.qubits, *unmeasured.qregs, name=circuit.name, metadata=circuit.metadata)
    for step in unmeasured.data:
        if step.clbits:
            raise IBMInputValueError(
                f"Circuit {index} has {step.name!r} before its end, which needs classical bits; noise is learned of "
                "circuits of gates only. Leave it out."
            )
        gates.append(step)
    return gates


def _check_twirled(circuit: QuantumCircuit, backend: IBMBackend, index: int) -> None:
    """Check a circuit whose gates are twirled (rest-api.md 9.6); simulators take everything."""
    facts = summary_of(circuit)
    if facts.fractional and not backend.configuration().simulator:
        raise IBMInputValueError(
            f"The circuit of item {index} has the fractional gate {facts.fractional!r}, whose noise cannot be "
            "learned; transpile for a backend got with use_fractional_gates=False."
        )
    check_body(facts, backend, f"item {index}")
