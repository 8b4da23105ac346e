"""The layers of circuits that twirling and mitigation treat as one: what a noise learner is given."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from qiskit.circuit import CircuitInstruction, ClassicalRegister, QuantumCircuit
from qiskit.circuit.exceptions import CircuitError

from ..exceptions import IBMInputValueError
from ..options.primitives import EstimatorOptions, SamplerOptions

__all__ = ["boxing_options", "unique_layers"]

_REGISTER = "_meas"


def unique_layers(
    circuits: Iterable[QuantumCircuit],
    options: SamplerOptions | EstimatorOptions,
    types: Literal["gates", "all"],
) -> list[CircuitInstruction]:
    """Return one box for each distinct layer of the circuits.

    Args:
        circuits: ISA circuits; final measurements are replaced by measurements of all qubits.
        options: Options whose switches are decided (``options.defaults``).
        types: "gates" for layers of gates only, "all" for those of measurements too.

    Raises:
        ImportError: samplomatic is not installed.
        IBMInputValueError: A circuit has a register of the name ``_meas``, or ``types`` is something else.
    """
    if types not in ("gates", "all"):
        raise IBMInputValueError(f"types must be 'gates' or 'all', not {types!r}.")
    try:
        from samplomatic.transpiler import generate_boxing_pass_manager
        from samplomatic.utils import find_unique_box_instructions
    except ImportError as cause:
        raise ImportError(
            "Finding layers needs samplomatic: pip install 'qiskit-rest-primitives[executor]'."
        ) from cause
    passes = generate_boxing_pass_manager(**boxing_options(options), add_tags="unique_box")
    boxed = [passes.run(_measured(circuit)) for circuit in circuits]
    found = find_unique_box_instructions(
        (step for circuit in boxed for step in circuit), normalize_annotations=None, undress_boxes=True
    )
    return [layer for layer in found if types == "all" or _has_gates_only(layer)]


def boxing_options(options: SamplerOptions | EstimatorOptions) -> dict[str, Any]:
    """Return how samplomatic boxes circuits: which gates and measurements, and where noise can be injected.

    Args:
        options: Options whose switches are decided (``options.defaults``).
    """
    twirling = options.twirling
    resilience = options.resilience if isinstance(options, EstimatorOptions) else None
    injected = resilience is not None and bool(
        resilience.pec_mitigation or (resilience.zne_mitigation and resilience.zne.amplifier == "pea")
    )
    measured = twirling.enable_measure or (resilience is not None and resilience.measure_mitigation)
    return {
        "enable_gates": bool(twirling.enable_gates or injected),
        "enable_measures": True,
        "measure_annotations": "all" if measured else "change_basis",
        "twirling_strategy": str(twirling.strategy or "active-accum").replace("-", "_"),
        "twirling_group": twirling.group or "pauli",
        "inject_noise_targets": "gates" if injected else "none",
        "inject_noise_strategy": "uniform_modification" if injected else "no_modification",
    }


def _measured(circuit: QuantumCircuit) -> QuantumCircuit:
    """Return a copy whose last layer measures every qubit."""
    copy = circuit.copy()
    copy._layout = (
        None  # layers need none, and Qiskit 2.3 warns of registers that are added to a circuit with one
    )
    copy.remove_final_measurements()
    register = ClassicalRegister(copy.num_qubits, _REGISTER)
    try:
        copy.add_register(register)
    except CircuitError as cause:
        raise IBMInputValueError(
            f"Circuit {circuit.name!r} has a register {_REGISTER!r}, a name that is taken."
        ) from cause
    copy.barrier()
    copy.measure(copy.qubits, register)
    return copy


def _has_gates_only(layer: CircuitInstruction) -> bool:
    steps = [step for step in layer.operation.body.data if step.name != "barrier"]
    return all(step.is_standard_gate() for step in steps)
