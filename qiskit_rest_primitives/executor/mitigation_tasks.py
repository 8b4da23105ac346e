"""The tasks of qiskit-mitigation that make an estimator's quantum programs: which, with which settings, of what they are given."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from qiskit.circuit import BoxOp, CircuitInstruction, ClassicalRegister, QuantumCircuit
from qiskit.primitives.containers.estimator_pub import EstimatorPub
from qiskit.primitives.containers.observables_array import ObservablesArray
from qiskit.quantum_info import PauliLindbladMap

from ..options.primitives import EstimatorOptions
from ..options.rules import UnsetType
from ..primitives.layers import boxing_options, boxing_passes
from ..qasm.mitigation import folded
from .estimator_results import REGISTER
from .quantum_program import QuantumProgram

PROJECTORS = frozenset("01+-rl")
"""Letters of an observable that are projectors."""

_FACTORS = (1, 3, 5)
_EXTRAPOLATORS = ("exponential", "linear")
_FOLDING = {"gate_folding": "random", "gate_folding_front": "front", "gate_folding_back": "back"}
_MOST_OVERHEAD = 100


class Mitigation:
    """How an estimator's circuits are mitigated, twirled and measured, by options whose switches are decided (``options.defaults``).

    Raises:
        ImportError: qiskit-mitigation (extra ``executor``) is not installed.
    """

    def __init__(self, options: EstimatorOptions) -> None:
        try:
            self._kind, self._settings = _settings(options)
        except ImportError as cause:
            raise ImportError(
                "An estimator on the program 'executor' needs qiskit-mitigation and samplomatic: "
                "pip install 'qiskit-rest-primitives[executor]'."
            ) from cause
        self._boxing = boxing_options(options)
        seed = options.seed_estimator
        self._random = np.random.default_rng(seed if isinstance(seed, int) else None)
        self._amplifier = str(options.resilience.zne.amplifier or "gate_folding")
        self._cancels = bool(options.resilience.pec_mitigation)
        self._readout = bool(options.resilience.measure_mitigation)

    def axes(self) -> dict[str, list[int]]:
        """Return the fields that extrapolated values have besides their own, with the sizes of their last axes."""
        if "extrapolator" not in self._settings:
            return {}
        factors = len(self._settings["noise_factors"])
        points = len(self._settings["extrapolated_noise_factors"])
        fits = [len(self._settings["extrapolator"]), points]
        measured = ("evs_noise_factors", "stds_noise_factors", "ensemble_stds_noise_factors")
        return {
            **{name: [factors] for name in measured},
            **dict.fromkeys(("evs_extrapolated", "stds_extrapolated"), fits),
        }

    def layers(self, circuit: QuantumCircuit) -> list[CircuitInstruction]:
        """Return the distinct boxes that a circuit will be made of."""
        found: list[CircuitInstruction] = _as_it_is(self._kind, boxed=True)().find_unique_layers(
            circuit, self._boxing
        )
        return found

    def noisy_boxes(self, circuit: QuantumCircuit) -> list[CircuitInstruction]:
        """Return the boxes that noise will be injected into, each as often as it occurs."""
        from samplomatic.annotations import InjectNoise
        from samplomatic.utils import get_annotation

        boxed = _as_it_is(self._kind, boxed=True)._box_circuit(circuit, self._boxing)
        return [
            step
            for step in boxed
            if step.name == "box" and get_annotation(step.operation, InjectNoise) is not None
        ]

    def calibration(self) -> Any:
        """Return what shares the calibration of readout between the PUBs of a program; None without."""
        from qiskit_mitigation import TREX

        return TREX() if self._readout else None

    def append(
        self,
        program: QuantumProgram,
        circuit: QuantumCircuit,
        pub: EstimatorPub,
        *,
        randomizations: int,
        trex: Any,
        noise: Mapping[str, PauliLindbladMap] | None,
    ) -> None:
        """Append the items of a PUB to a program, and to its ``passthrough_data`` how their results are read.

        Args:
            program: Its shots are those of each randomisation.
            circuit: The PUB's, without boxes, and with metadata that can be sent.
            pub: The PUB.
            randomizations: How many; with cancellation they are multiplied by its overhead.
            trex: Of ``calibration``; its own item is appended after those of all PUBs.
            noise: That of the layers by the name that injects it; None where none is injected.

        Raises:
            Exception: Of any kind, from qiskit-mitigation, samplomatic and its compiled parts: the circuit cannot run so.
        """
        from qiskit_mitigation import MitigationTask

        given: dict[str, Any] = {
            "circuit": circuit,
            "observables": _without_projectors(pub.observables) if self._readout else pub.observables,
            "parameters": pub.parameter_values,
            "custom_boxing_options": self._boxing,
            "shots_per_randomization": program.shots,
            "num_randomizations": randomizations,
            "broadcast_obs_and_params": True,
            "trex": trex,
            "quantum_program": program,
        }
        kind = self._kind
        if noise == {} and self._cancels:
            # Where there is nothing to cancel, the service counts no signs, without which the task reads no result.
            kind = MitigationTask
        else:
            given |= self._settings if noise is None else {"noise_maps": noise, **self._settings}
        items, tasks = len(program.items), len(trex.tasks) if trex is not None else 0
        try:
            _as_it_is(kind, boxed=True, folds=self._folds(circuit))().prepare(**given)
        except Exception:
            if self._boxing["enable_gates"]:
                raise
            # What samplomatic's passes have no place for (conditions, matrices, gates of three qubits) can stand in
            # front of a box of measurements.
            del program.items[items:]
            if trex is not None:
                del trex.tasks[tasks:]
            _as_it_is(kind, boxed=False, folds=self._folds(circuit))().prepare(**given)

    def _folds(self, circuit: QuantumCircuit) -> Iterator[QuantumCircuit] | None:
        """Fold a circuit by one noise factor after the other; None where that is not the way to amplify noise."""
        if "folding_method" not in self._settings:
            return None
        factors = self._settings["noise_factors"]
        return (folded(circuit, factor, self._amplifier, random=self._random) for factor in factors)


def without_boxes(circuit: QuantumCircuit) -> QuantumCircuit:
    """Return a copy without a layout, and with the contents of boxes between barriers: mitigation makes boxes of its own."""
    made: QuantumCircuit = circuit.copy_empty_like()
    made._layout = None  # Qiskit warns of registers that are added to a circuit with one
    for step in circuit.data:
        if not isinstance(step.operation, BoxOp):
            made.append(step, copy=False)
            continue
        if step.qubits:
            made.barrier(step.qubits)
        made.compose(without_boxes(step.operation.body), step.qubits, step.clbits, inplace=True)
        if step.qubits:
            made.barrier(step.qubits)
    return made.copy()


def _settings(options: EstimatorOptions) -> tuple[Any, dict[str, Any]]:
    """Return the class of qiskit-mitigation that options ask for, and what it takes besides a PUB."""
    from qiskit_mitigation import PEA, PEC, GateFolding, MitigationTask

    resilience = options.resilience
    if resilience.pec_mitigation:
        gain, most = resilience.pec.noise_gain, resilience.pec.max_overhead
        return PEC, {
            "noise_gain": float(gain) if isinstance(gain, (int, float)) else "auto",
            "max_sampling_overhead": _MOST_OVERHEAD if isinstance(most, UnsetType) else most,
        }
    if not resilience.zne_mitigation:
        return MitigationTask, {}
    zne = resilience.zne
    factors = _listed(zne.noise_factors, _FACTORS)
    settings: dict[str, Any] = {
        "noise_factors": factors,
        "extrapolator": _listed(zne.extrapolator, _EXTRAPOLATORS),
        "extrapolated_noise_factors": _listed(zne.extrapolated_noise_factors, [0, *factors]),
    }
    if zne.amplifier == "pea":
        return PEA, settings
    return GateFolding, {**settings, "folding_method": _FOLDING[str(zne.amplifier or "gate_folding")]}


def _listed(chosen: Any, otherwise: Sequence[Any]) -> list[Any]:
    """Return what was chosen as a list, or something else where that was left open."""
    if isinstance(chosen, str) and chosen != "auto":
        return [chosen]
    return list(chosen if isinstance(chosen, (list, tuple)) else otherwise)


def _as_it_is(kind: Any, *, boxed: bool, folds: Iterator[QuantumCircuit] | None = None) -> Any:
    """Return a task of qiskit-mitigation that keeps the circuit's own measurements, which the service's estimator makes, too.

    Args:
        kind: The task, which takes those at the end away.
        boxed: Whether samplomatic's passes put the circuit into boxes; otherwise there is one, of the last measurements.
        folds: The circuits to take, one after the other, for those that the task folded: that takes no seed, and knows few
            gates.
    """
    from samplomatic import ChangeBasis, Twirl

    def box(circuit: QuantumCircuit, options: Mapping[str, Any]) -> QuantumCircuit:
        made = (circuit if folds is None else next(folds)).copy()
        register = ClassicalRegister(circuit.num_qubits, REGISTER)
        made.add_register(register)
        made.barrier()
        if boxed:
            made.measure(made.qubits, register)
            whole: QuantumCircuit = boxing_passes(options).run(made)
            return whole
        twirled = [Twirl(group=options["twirling_group"])] if options["measure_annotations"] == "all" else []
        with made.box([*twirled, ChangeBasis()]):
            made.measure(made.qubits, register)
        return made

    def gamma(circuit: QuantumCircuit, *noise: Any) -> float:
        """Look for noise in boxes only: what waits outside of them has none that is cancelled."""
        return float(kind.calculate_gamma([step for step in circuit if step.name == "box"], *noise))

    return type(
        kind.__name__, (kind,), {"_box_circuit": staticmethod(box), "calculate_gamma": staticmethod(gamma)}
    )


def _without_projectors(observables: ObservablesArray) -> ObservablesArray:
    """Return observables whose projectors are taken apart, as |0><0| into (I + Z) / 2: readout is mitigated for these."""
    found = [
        _in_paulis(observable) if any(set(term) & PROJECTORS for term in observable) else observable
        for observable in observables.ravel().tolist()
    ]
    return ObservablesArray(found).reshape(observables.shape)


def _in_paulis(observable: Mapping[str, float]) -> dict[str, float]:
    found: dict[str, float] = {}
    for term, factor in observable.items():
        parts = [("", float(factor))]
        for letter in term:
            pauli = {"0": "Z", "1": "Z", "+": "X", "-": "X", "r": "Y", "l": "Y"}.get(letter)
            if pauli is None:
                parts = [(made + letter, value) for made, value in parts]
                continue
            sign = -1 if letter in "1-l" else 1
            parts = [
                entry
                for made, value in parts
                for entry in ((made + "I", value / 2), (made + pauli, sign * value / 2))
            ]
        for made, value in parts:
            found[made] = found.get(made, 0.0) + value
    return found
