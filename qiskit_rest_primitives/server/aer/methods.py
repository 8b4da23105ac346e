"""How a circuit is simulated: the one decision, by circuit, noise and options.

``plan`` names the method of every part of a sampler's circuit; results say which it was. What a method does is in
``simulation`` (Aer) and ``shots``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from qiskit.circuit import Clbit, Measure, QuantumCircuit, Qubit
from qiskit.circuit.library import CXGate

from ..devices.noise import QUIET, NoiseSource
from ..job_errors import BAD_CIRCUIT, TaskFailed
from .bloch_vectors import bloch_program
from .circuit_analysis import bond_bits
from .control_flow import never_runs
from .numpy_statevector import statevector_program
from .own_instructions import methods_for
from .partition import independent_subcircuits, single_qubits_apart
from .pauli_frames import frame_program
from .preparation import PreparedCircuit

PAULI_FRAMES, BLOCH_VECTORS, NUMPY_STATEVECTOR = "pauli_frames", "bloch_vectors", "numpy_statevector"
"""The methods of the modules of these names, beside Aer's."""
AUTOMATIC = "automatic"
"""The method with which a job leaves everything to Aer: its own choice, the whole circuit, every shot."""
ON_OTHERS = (AUTOMATIC, "statevector", "density_matrix")
"""Methods that Aer has for other processors than CPUs; option ``device`` of a simulation is for them alone."""

STATEVECTOR_QUBITS = 24
NOISY_STATEVECTOR_QUBITS = 20
NUMPY_QUBITS = 10
"""Most qubits of a state without noise that takes numpy less time than it takes Aer to assemble the circuit."""
OF_NO_EFFECT = frozenset(
    {"seed_simulator", "max_parallel_threads", "max_parallel_experiments", "max_parallel_shots"}
)
"""Options of Aer without effect on a state; any other leaves a circuit to Aer."""
STATE_QUBITS, NOISY_STATE_QUBITS = 18, 10
"""Most qubits of a state from which the outcomes of all measurement settings of an estimator are drawn."""
WITH_A_STATE = (None, "statevector", "density_matrix")
"""Methods that may be asked for without ruling out that such a state is simulated once."""
DENSITY_QUBITS = 9
NOISY_TABLE = 12
"""Most measured qubits of a density matrix whose outcome probabilities are held as one table."""
DEFERRED_QUBITS = 8
"""Most qubits, copies included, of a density matrix for measurements on the way."""
SMALL_NOISY = 12
SMALL = 10
SMALL_STATE = 4096
"""Numbers of a state that is as soon made as it is looked up."""
WHOLE = 6
"""Qubits up to which a circuit is not cut into independent subcircuits."""


@dataclass(frozen=True)
class Method:
    """How to simulate.

    Attributes:
        name: Aer's name of the method, or that of a module here.
        mixture: Noise is to be written as mixtures of simple operations.
        table: All shots are drawn from the outcome probabilities of one state.
        options: More options of Aer, as pairs.
    """

    name: str
    mixture: bool = False
    table: bool = False
    options: tuple[tuple[str, Any], ...] = ()


def asked_method(simulator: Mapping[str, Any]) -> dict[str, str]:
    """Return the options of Aer that a job asks for in ``options.simulator``: its ``method``, if any.

    No client declares it as an option; both merge ``{"simulator": {"method": ...}}`` out of their experimental ones.
    """
    method = simulator.get("method")
    return {} if method is None else {"method": method}


def plan(
    prepared: PreparedCircuit, noise: NoiseSource | None, asked: Mapping[str, Any], *, sets: int, shots: int
) -> list[tuple[PreparedCircuit, Method]]:
    """Decide how ``shots`` of each of ``sets`` parameter sets of a circuit with measurements are made.

    A ``method`` among Aer's options that are asked for is taken.

    Returns:
        The circuits that are simulated separately, which together write its classical bits, with the method of each.

    Raises:
        TaskFailed: No method of Aer has all its instructions.
    """
    if not prepared.qubits:
        return []

    def by_method(part: PreparedCircuit) -> tuple[PreparedCircuit, Method]:
        # Without parameters all sets are one circuit.
        many = shots if part.circuit.num_parameters else sets * shots
        method = choose_method(part, noise, many, asked)
        if free and not part.static and method.name != PAULI_FRAMES and not part.special:
            disturbed = noise is not None and noise.disturbs_measurement
            deferred = None if disturbed else with_deferred_measurements(part, DEFERRED_QUBITS)
            if deferred is not None:
                return deferred, Method("density_matrix", table=True, options=method.options)
        return part, method

    free = asked.get("method") is None
    whole = by_method(prepared)
    small = len(prepared.qubits) <= WHOLE
    if small or whole[1].name in ("stabilizer", PAULI_FRAMES, AUTOMATIC):
        return [whole]
    single, others = single_qubits_apart(prepared) if free else (None, ())
    if single is not None and bloch_program(single, noise) is not None:
        return [(single, Method(BLOCH_VECTORS)), *map(by_method, others)]
    return [*map(by_method, independent_subcircuits(prepared))]


def choose_method(
    prepared: PreparedCircuit, noise: NoiseSource | None, shots: int, asked: Mapping[str, Any]
) -> Method:
    """Return the method that is asked for (``method`` among Aer's options), or the cheapest exact one."""
    options = {name: value for name, value in asked.items() if name not in ("method", "seed_simulator")}
    name = asked.get("method")
    if fits_numpy(prepared, noise, asked):
        return Method(NUMPY_STATEVECTOR, table=True)
    if name is None:
        found = _cheapest(prepared, noise, shots)
        known = methods_for(prepared.special) if prepared.special else (found.name,)
        if found.name not in known:
            if not known:
                names = ", ".join(sorted(prepared.special))
                raise TaskFailed(f"No method of Aer that measures has all of {names}.", BAD_CIRCUIT)
            found = Method(known[0])
    else:
        found = Method(name, "stabilizer" in name)
    if found.name not in ON_OTHERS:
        options.pop("device", None)
    table = _is_one_state(prepared, noise, found.name)
    return replace(found, table=table, options=tuple(options.items()))


def choose_state(
    prepared: PreparedCircuit, noise: NoiseSource | None, shots: int, asked: Mapping[str, Any]
) -> Method | None:
    """Return the method that gives the final state of a circuit, from which all measurement settings can be drawn.

    Returns:
        None if there is no such state, or none as small: then every setting is measured shot by shot.
    """
    if not prepared.static or prepared.measured or (noise is not None and noise.disturbs_measurement):
        return None
    if fits_numpy(prepared, noise, asked):
        return Method(NUMPY_STATEVECTOR, table=True)
    pure = is_pure(prepared, noise)
    exact = "statevector" if pure else "density_matrix"
    small = len(prepared.qubits) <= (STATE_QUBITS if pure else NOISY_STATE_QUBITS)
    if not small or asked.get("method") not in WITH_A_STATE or exact not in methods_for(prepared.special):
        return None
    return choose_method(prepared, noise, shots, {**asked, "method": exact})


def fits_numpy(prepared: PreparedCircuit, noise: NoiseSource | None, asked: Mapping[str, Any]) -> bool:
    """Tell whether the final state of a circuit is one that numpy computes: if nothing is asked of Aer."""
    return (
        asked.keys() <= OF_NO_EFFECT
        and len(prepared.qubits) <= NUMPY_QUBITS
        and prepared.static
        and not prepared.special
        and not prepared.ancillas
        and (noise is None or not noise.disturbs_measurement)
        and is_pure(prepared, noise)
        and statevector_program(prepared) is not None
    )


def _cheapest(prepared: PreparedCircuit, noise: NoiseSource | None, shots: int) -> Method:
    """Choose the cheapest exact method for a circuit.

    A small circuit that can be sampled from its final state gets a state vector, or a density matrix with noise; a
    Clifford circuit Pauli frames, at any width, or a stabilizer state where its noise permits no more; a medium one a
    state vector, once per shot when there is noise; a wide one a matrix product state.
    """
    width = len(prepared.qubits)
    pure = is_pure(prepared, noise)
    small = width <= (SMALL if pure else max(DENSITY_QUBITS, min(11, shots.bit_length() - 1)))
    if prepared.clifford and not (prepared.static and small) and frame_program(prepared, noise):
        return Method(PAULI_FRAMES)
    if pure:
        if prepared.clifford and width > SMALL:
            return Method("stabilizer")
        return Method("statevector" if width <= STATEVECTOR_QUBITS else "matrix_product_state")
    if prepared.static and small:
        return Method("density_matrix")
    mixture = noise is not None and noise.fits_stabilizer(prepared.qubits)
    if prepared.clifford and mixture:
        return Method("stabilizer", mixture=True)
    if width <= NOISY_STATEVECTOR_QUBITS and not _fits_product_state(prepared):
        return Method("statevector", mixture=mixture and width > 6)
    return Method("matrix_product_state", mixture=mixture)


def is_pure(prepared: PreparedCircuit, noise: NoiseSource | None) -> bool:
    """Tell whether the state of a circuit stays pure: what noise there is only misreads qubits."""
    return not prepared.mixes and (noise is None or noise.only_misreads(prepared.operations))


def _is_one_state(prepared: PreparedCircuit, noise: NoiseSource | None, name: str) -> bool:
    """Tell whether a method gives one state from whose outcome probabilities all shots can be drawn."""
    if not prepared.static or (noise is not None and noise.disturbs_measurement):
        return False
    if name == "density_matrix":
        return prepared.num_measured <= NOISY_TABLE
    return name == "statevector" and is_pure(prepared, noise) and prepared.num_measured <= STATEVECTOR_QUBITS


def _fits_product_state(prepared: PreparedCircuit) -> bool:
    """Tell whether a shot costs less as a matrix product state than as a state vector, by measurement.

    Two layers on 18 qubits cost 3 ms instead of 60, twelve layers 30 instead of 230; on 12 qubits a state vector is
    always cheaper.
    """
    width = len(prepared.qubits)
    if width <= SMALL_NOISY:
        return False
    circuit = prepared.circuit
    bond = prepared.remembered("bond", lambda: bond_bits(circuit.qubits, circuit.data))
    return 3 * bond <= width + 4


def costs_by_the_shot(
    prepared: PreparedCircuit, noise: NoiseSource | None, shots: int, asked: Mapping[str, Any]
) -> bool:
    """Tell whether the shots of a circuit cost no more in several runs than in one: no large state serves them all."""
    method = choose_method(prepared, noise, shots, asked)
    density = method.name == "density_matrix"
    if (
        not prepared.static
        or method.name in ("stabilizer", PAULI_FRAMES)
        or not (density or is_pure(prepared, noise))
    ):
        return True
    return (4 if density else 2) ** len(prepared.qubits) <= SMALL_STATE


def with_deferred_measurements(prepared: PreparedCircuit, most_qubits: int) -> PreparedCircuit | None:
    """Return a circuit, not ``static``, as one with the same distribution whose measurements come last.

    A measurement is an interaction with something that nobody touches any more, so each copies its qubit (``cx``) to a
    fresh one, which is measured last. Then one density matrix has the outcomes of all shots, also of a few qubits that are
    measured, reset and used again.

    Returns:
        None if there is control flow, or it would be wider than ``most_qubits``. Its ``ancillas`` are the qubits that were
        copied.
    """
    return prepared.remembered(("deferred", most_qubits), lambda: (_deferred(prepared, most_qubits),))[0]


def _deferred(prepared: PreparedCircuit, most_qubits: int) -> PreparedCircuit | None:
    circuit = prepared.circuit
    steps = [step for step in circuit.data if not never_runs(step.operation)]
    if len(prepared.qubits) > most_qubits:
        return None
    if any(step.clbits and not isinstance(step.operation, Measure) for step in steps):
        return None
    if any(not step.qubits for step in steps):
        return None
    last_use = {qubit: index for index, step in enumerate(steps) for qubit in step.qubits}
    last_write = {step.clbits[0]: index for index, step in enumerate(steps) if step.clbits}
    made = QuantumCircuit(circuit.qubits, circuit.clbits)
    place = {qubit: index for index, qubit in enumerate(circuit.qubits)}
    read: list[tuple[Qubit, Clbit]] = []
    ancillas: list[int] = []
    for index, step in enumerate(steps):
        if not isinstance(step.operation, Measure):
            made.append(step, copy=False)
            continue
        (qubit,), (clbit,) = step.qubits, step.clbits
        source = qubit
        if last_use[qubit] != index:
            if len(prepared.qubits) + len(ancillas) >= most_qubits:
                return None
            qubit = Qubit()
            made.add_bits([qubit])
            ancillas.append(prepared.qubits[place[source]])
            made.append(CXGate(label=QUIET), [source, qubit])
        if last_write[clbit] == index:
            read.append((qubit, clbit))
    for qubit, clbit in read:
        made.measure(qubit, clbit)
    return replace(
        prepared,
        circuit=made,
        static=True,
        num_measured=len(read),
        ancillas=tuple(ancillas),
        clifford=False,
        _scratch={},
    )
