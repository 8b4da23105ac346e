"""PUBs of a sampler -> quantum programs whose results are read back as the sampler's."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit
from qiskit.primitives.containers.sampler_pub import SamplerPub
from qiskit.transpiler import PassManager

from ..exceptions import IBMInputValueError
from ..models.backend import IBMBackend
from ..options.primitives import SamplerOptions, final_sampler_options
from ..options.randomizations import Randomizations
from ..primitives.layers import boxing_options, boxing_passes
from ..primitives.pubs import writing
from ..primitives.sampler import DEFAULT_SHOTS
from ..qasm.circuit_metadata import dump_metadata, kept_metadata
from .decoupling import Decoupling, decoupling_of
from .parts import ProgramPart, executor_options, shared, undone
from .passed import WITHOUT_EFFECT
from .quantum_program import QuantumProgram

logger = logging.getLogger(__name__)

_Shots = tuple[int, int]
"""Number of randomisations, 0 without; shots of each."""


def sampler_parts(
    pubs: Sequence[SamplerPub], options: SamplerOptions, backend: IBMBackend
) -> list[ProgramPart]:
    """Write checked PUBs as quantum programs: one for each number of shots, in the order in which their first PUBs come.

    Raises:
        IBMInputValueError: The options contradict each other on this road, or a circuit cannot be twirled or scheduled.
        ImportError: Twirling is asked for, and the extra ``executor`` is not installed.
    """
    final = final_sampler_options(options)
    twirled = bool(final.twirling.enable_gates or final.twirling.enable_measure)
    level = final.execution.meas_type or "classified"
    if final.twirling.enable_measure and level != "classified":
        raise IBMInputValueError(
            f"execution.meas_type = {level!r} does not go together with twirling.enable_measure: signals cannot be "
            "flipped back."
        )
    boxes = _boxing(final) if twirled else None
    schedule = decoupling_of(final.dynamical_decoupling, backend)
    ignored = undone(final, schedule)
    fixed, shares = shared(pubs)
    groups: dict[_Shots, list[int]] = {}
    for index, pub in enumerate(fixed):
        groups.setdefault(_shots_of(pub, final, twirled=twirled), []).append(index)
    if not groups:
        groups[_split(_default(final), final, twirled=twirled)] = []
    sent = executor_options(final)
    parts = []
    for (number, each), chosen in groups.items():
        program = QuantumProgram(each, meas_level=level)  # type: ignore[arg-type] # a choice of the same words
        for index in chosen:
            with writing(f"PUB {shares[index].pub}"):
                _append(program, fixed[index], number, boxes, schedule)
        program._semantic_role = "sampler_v2"
        program.passthrough_data = {
            "post_processor": {
                "version": "v0.1",
                "twirling": twirled,
                "meas_type": level,
                "shots": each,
                "circuits_metadata": [circuit_metadata(fixed[index].circuit) for index in chosen],
                WITHOUT_EFFECT: ignored,
                "options": {name: value for name, value in final.sent().items() if name != "simulator"},
            }
        }
        whose = tuple(shares[index] for index in chosen)
        parts.append(ProgramPart(program, sent, whose, final.circuit_format))
    return parts


def _shots_of(pub: SamplerPub, final: SamplerOptions, *, twirled: bool) -> _Shots:
    """Return how a PUB's shots are split, as the service's own program does: a PUB's own shots come first."""
    given = Randomizations.load(vars(final.twirling)).product
    return _split(pub.shots or given or _default(final), final, twirled=twirled)


def _default(final: SamplerOptions) -> int:
    return final.default_shots if isinstance(final.default_shots, int) else DEFAULT_SHOTS


def _split(shots: int, final: SamplerOptions, *, twirled: bool) -> _Shots:
    return Randomizations.load(vars(final.twirling)).split(shots) if twirled else (0, shots)


def _append(
    program: QuantumProgram,
    pub: SamplerPub,
    number: int,
    boxes: PassManager | None,
    schedule: Decoupling | None,
) -> None:
    circuit = pub.circuit.copy()
    circuit.metadata = {}  # it comes back by itself
    values = _values_of(pub)
    if boxes is None:
        program.append_circuit_item(_scheduled(circuit, schedule), values)
        return
    from samplomatic import build

    circuit._layout = None  # boxes need none
    try:
        template, samplex = build(boxes.run(circuit))
    except Exception as cause:
        raise ValueError(
            f"it cannot be twirled: {cause}. Twirling takes circuits of rz, sx, x and one two-qubit Clifford gate, as "
            "transpiling for a device makes them"
        ) from cause
    program.append_samplex_item(
        _scheduled(template, schedule),
        samplex,
        {"parameter_values": values} if circuit.num_parameters else {},
        shape=(number, *pub.shape),
    )


def _values_of(pub: SamplerPub) -> NDArray[np.float64]:
    """Return the values of a PUB in the order of its circuit's parameters, shape (*PUB, parameters)."""
    order = list(pub.circuit.parameters)
    if not order:
        return np.zeros((*pub.shape, 0))
    return np.asarray(pub.parameter_values.as_array(order), dtype=np.float64)


def _scheduled(circuit: QuantumCircuit, schedule: Decoupling | None) -> QuantumCircuit:
    return circuit if schedule is None else schedule.run(circuit)


def circuit_metadata(circuit: QuantumCircuit) -> dict[str, Any]:
    """Return a circuit's metadata in their JSON form, without what has none."""
    kept, lost = kept_metadata(circuit.metadata)
    for key, problem in lost.items():
        logger.warning("metadata %r of a circuit is lost to jobs that are reopened by id: %s", key, problem)
    return dump_metadata(kept)


def _boxing(final: SamplerOptions) -> PassManager:
    """Return the passes that put what is twirled into boxes."""
    how = boxing_options(final) | {
        "enable_measures": bool(final.twirling.enable_measure),
        "measure_annotations": "twirl",
    }
    try:
        return boxing_passes(how)
    except ImportError as cause:
        raise ImportError(
            "Twirling in quantum programs (the option program) needs samplomatic: "
            'pip install "qiskit-rest-primitives[executor]". Sampling without twirling does not.'
        ) from cause
