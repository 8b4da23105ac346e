"""Results of estimators that ran as quantum programs: expectation values of each PUB, by qiskit-mitigation."""

from __future__ import annotations

import math
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from qiskit.primitives.containers import DataBin, PubResult

from ..options.randomizations import Randomizations
from ..results.estimator_pub import EstimatorPubResult
from ..results.quantum_program import QuantumProgramItemResult, QuantumProgramResult
from ..wire.jsonio import DecodeError
from .passed import DATA, FLIPS, POST_PROCESSOR, Passed, check_flips, compilation, ignored_options, simulation

REGISTER = "_meas"
"""What qiskit-mitigation calls the register that it measures."""

SIGNS = "pauli_signs"
"""Name of the signs that probabilistic cancellation counts each randomization with."""

_TASKS = f"{DATA}.qiskit_mitigation"
_VALUES = {"evs": "evs", "stds": "twirl_stds", "ensemble_standard_error": "stds"}
_EXTRAPOLATED = {
    "evs": "evs",
    "stds": "stds",
    "evs_noise_factors": "evs_noise_factors",
    "stds_noise_factors": "stds_twirl_noise_factors",
    "ensemble_stds_noise_factors": "stds_noise_factors",
    "evs_extrapolated": "evs_extrapolated",
    "stds_extrapolated": "stds_extrapolated",
}
"""Name of a value of a PUB -> what qiskit-mitigation calls it."""

MEANS = "stds_of_means"
"""Member of what a program of ours sends along: all standard deviations are to be those of means. IBM's client knows none."""

_METHODS = (
    ("zne_mitigation", "zne"),
    ("pec_mitigation", "pec"),
    ("measure_mitigation", "measure_noise_learning"),
)
"""Switch of a method -> its options, which the metadata hold only where it is on."""


def estimator_pubs(result: QuantumProgramResult) -> tuple[list[PubResult], dict[str, Any]]:
    """Read a result with the role ``estimator_v2``, post-processor v0.1.

    Args:
        result: One item per PUB, with gate folding one per PUB and noise factor, and with readout mitigation one for
            the calibration. It stays as it is.

    Returns:
        One ``EstimatorPubResult`` per PUB, and the metadata: what the official client gives (``executor``, ``options``,
        ``target_precision``, ``shots``), and per PUB ``shots``, ``num_randomizations`` and ``target_precision``.

    Raises:
        DecodeError: Something that was sent along is missing, or does not fit the arrays.
        ImportError: qiskit-mitigation is not installed; the message says what to install.
    """
    passed = Passed(result)
    number, options = passed.get("num_pubs", int), passed.get("options", Mapping)
    if number < 0:
        raise DecodeError(f"{number} is no number of PUBs", f"{POST_PROCESSOR}.num_pubs")
    metadata, precision = passed.circuits_metadata(number), passed.get("precision", float, optional=True)
    if precision is None:
        precision = precision_of(options)
    means = bool(passed.get(MEANS, bool, optional=True))
    flipped = bool(_mapping(options, "twirling").get("enable_measure"))
    shared, tasks = _of_mitigation(result, number)
    pubs: list[PubResult] = []
    for place, task in enumerate(tasks):
        path = f"{_TASKS}[{place}]"
        items = _items(result, task, path, flipped=flipped)
        found = _estimated(task, shared, path)
        shape = items[0][REGISTER].shape
        about: dict[str, Any] = {
            "shots": shape[-4] * shape[-2],
            "num_randomizations": shape[-4],
            "target_precision": precision,
            "compilation": [compilation(item) for item in items]
            if _is_folded(task)
            else compilation(items[0]),
        }
        about["resilience"] = _resilience(task, found, options)
        if how := simulation(result, task._program_item_index):
            about["simulation"] = {**how["simulation"], "settings": _settings(task) * len(items)}
        if metadata[place] is not None:
            about["circuit_metadata"] = metadata[place]
        data = _renamed(found.data, single=means and shape[-4] == 1)
        pubs.append(EstimatorPubResult(_with_error(data, task) if means else data, about))
    whole = {
        "options": _options(options),
        "target_precision": passed.get("precision", float, optional=True),
        "shots": passed.get("shots", int),
        "executor": result.metadata,
        **_switches(options),
        **ignored_options(result, passed),
    }
    return pubs, whole


def _settings(task: Any) -> int:
    """Return the largest number of bases that a set of values is measured in."""
    return max(Counter(str(values) for values, _ in task.param_basis_pairs).values(), default=0)


def precision_of(options: Mapping[str, Any]) -> Any:
    """Return the precision of PUBs that name none: that of the shots that the options ask for, if they do."""
    asked = Randomizations.load(_mapping(options, "twirling")).product
    shots = options.get("default_shots") if asked is None else asked
    return 1 / math.sqrt(shots) if type(shots) is int and shots > 0 else options.get("default_precision")


def _mapping(options: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = options.get(name)
    return value if isinstance(value, Mapping) else {}


def _switches(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the metadata of the program ``estimator`` say of the options (rest-api.md 4.14)."""
    twirling, resilience = _mapping(options, "twirling"), _mapping(options, "resilience")

    def chosen(name: str, otherwise: str) -> Any:
        return otherwise if twirling.get(name) is None else twirling[name]

    return {
        "dynamical_decoupling": {"enable": bool(_mapping(options, "dynamical_decoupling").get("enable"))},
        "twirling": {
            "enable_gates": bool(twirling.get("enable_gates")),
            "enable_measure": bool(twirling.get("enable_measure")),
            "num_randomizations": chosen("num_randomizations", "auto"),
            "shots_per_randomization": chosen("shots_per_randomization", "auto"),
            "interleave_randomizations": True,
            "strategy": chosen("strategy", "active-accum"),
        },
        "resilience": {switch: bool(resilience.get(switch)) for switch, _ in _METHODS},
    }


def _resilience(task: Any, found: PubResult, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the metadata of a PUB say of mitigation: those of the program ``estimator``, and of IBM's client."""
    told: dict[str, Any] = {}
    if _mapping(options, "resilience").get("measure_mitigation"):
        told["measure_mitigation"] = True
    if "selected_extrapolators" in found.metadata:
        chosen = _extrapolators(task, found)
        told["zne"] = {
            "noise_factors": [float(factor) for factor in task.noise_factors],
            "extrapolator": chosen.tolist(),
            "extrapolators": chosen,
            "extrapolated_noise_factors": [float(factor) for factor in task.extrapolated_noise_factors],
        }
    return told


def _options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options without those of methods that were off, as the official client shows them."""
    shown = dict(options)
    if isinstance(shown.get("resilience"), Mapping):
        resilience = dict(shown["resilience"])
        for switch, method in _METHODS:
            if not resilience.get(switch):
                resilience.pop(method, None)
        shown["resilience"] = resilience
    return shown


# ------------------------------------------------------------------------------------------------ qiskit-mitigation


def _of_mitigation(result: QuantumProgramResult, number: int) -> tuple[Any, list[Any]]:
    """Return a result as qiskit-mitigation takes it, which shares its arrays, and its tasks: one per PUB."""
    try:
        from qiskit_mitigation.utils.utils import load_tasks_from_result
        from samplomatic.quantum_program import QuantumProgramResult as SharedResult
    except ImportError as cause:
        raise ImportError(
            "qiskit-mitigation makes the results of client-side estimators: pip install 'qiskit-rest-primitives[executor]'"
        ) from cause
    shared = SharedResult([dict(item) for item in result], result.passthrough_data)
    try:
        tasks = list(load_tasks_from_result(shared)) if number or len(result) else []
    except Exception as cause:
        raise DecodeError(f"qiskit-mitigation cannot read it: {cause}", _TASKS) from cause
    if len(tasks) != number:
        raise DecodeError(f"{len(tasks)} tasks are not {number} PUBs", _TASKS)
    return shared, tasks


def _estimated(task: Any, shared: Any, path: str) -> PubResult:
    try:
        with warnings.catch_warnings():
            # Certain values have no spread, and are fitted without weights; that is no news to anybody.
            warnings.filterwarnings("ignore", message="No positive, finite standard errors")
            found: PubResult = task.postprocess(shared)
    except Warning:
        raise  # somebody has warnings be errors
    except Exception as cause:  # of any kind: what is compared here is what would not fail there
        raise DecodeError(f"qiskit-mitigation cannot make its result: {cause}", path) from cause
    return found


def _is_folded(task: Any) -> bool:
    """Tell whether a task has one item per noise factor."""
    from qiskit_mitigation import GateFolding

    return isinstance(task, GateFolding)


def _renamed(data: DataBin, *, single: bool) -> DataBin:
    """Give values the names of the primitive, whose ``stds`` are those between randomizations, if there are several."""
    names = _EXTRAPOLATED if "evs_noise_factors" in data else _VALUES
    # Of one randomization qiskit-mitigation gives the spread of single shots.
    if names is _EXTRAPOLATED and single:
        names = {**names, "stds_noise_factors": names["ensemble_stds_noise_factors"]}
    values = {name: data[theirs] for name, theirs in names.items()}
    return DataBin(**values, shape=data["evs"].shape)


def _with_error(data: DataBin, task: Any) -> DataBin:
    """Add to extrapolated values the standard error at the smallest noise factor, as the program ``estimator`` does."""
    if "ensemble_stds_noise_factors" not in data:
        return data
    errors = data.ensemble_stds_noise_factors[..., int(np.argmin(task.noise_factors))]
    return DataBin(**dict(data.items()), ensemble_standard_error=errors.copy(), shape=data.shape)


def _extrapolators(task: Any, found: PubResult) -> Any:
    """Return which extrapolator each expectation value comes from, ``multiple`` if its terms have several."""
    chosen = [
        terms[0] if all(term == terms[0] for term in terms) else "multiple"
        for terms in found.metadata["selected_extrapolators"]
    ]
    return np.asarray(chosen).reshape(np.broadcast_shapes(task.param_shape, task.observables.shape))


# ------------------------------------------------------------------------------------------------ what must fit


def _items(
    result: QuantumProgramResult, task: Any, path: str, *, flipped: bool
) -> Sequence[QuantumProgramItemResult]:
    """Return the items of a task, once all is compared that would be taken for something else without a word."""
    factors = np.asarray(task.noise_factors if _is_folded(task) else [1])
    if factors.ndim != 1 or factors.dtype.kind not in "iuf" or not len(factors):
        raise DecodeError("expected a list of numbers", f"{path}.noise_factors")
    first = _place(task._program_item_index, len(factors), result, path)
    shape = task.param_shape
    if not isinstance(shape, (list, tuple)) or not all(type(size) is int and size >= 0 for size in shape):
        raise DecodeError(f"{shape!r} is no shape", f"{path}.param_shape")
    # JSON knows lists only, and qiskit-mitigation looks the shape up.
    task.param_shape = tuple(shape)
    items = result[first : first + len(factors)]
    for number, item in enumerate(items, first):
        _check_item(item, task, f"$.data[{number}]", path, flipped=flipped)
    calibration = getattr(task.trex, "_program_item_index", None)
    if calibration is not None:
        number = _place(calibration, 1, result, _TASKS)
        check_flips(result[number], f"$.data[{number}]")
    return items


def _place(first: Any, number: int, result: QuantumProgramResult, path: str) -> int:
    if type(first) is not int or not 0 <= first <= len(result) - number:
        raise DecodeError(
            f"{first!r} is no place of {number} among {len(result)} items", f"{path}.program_item_index"
        )
    return first


def _check_item(item: QuantumProgramItemResult, task: Any, where: str, path: str, *, flipped: bool) -> None:
    check_flips(item, where)
    array, pairs = item.get(REGISTER), task.param_basis_pairs
    if array is None or array.ndim < 4 or array.dtype != np.bool_:
        raise DecodeError(
            f"expected a register {REGISTER} of four axes: randomizations, pairs, shots, bits",
            f"{where}.results",
        )
    if not isinstance(pairs, list) or array.shape[-3] != len(pairs):
        raise DecodeError(
            f"they do not fit samples of {array.shape[-3]} pairs of values and bases",
            f"{path}.param_basis_pairs",
        )
    if array.shape[-1] != task.observables.num_qubits:
        raise DecodeError(
            f"observables on {task.observables.num_qubits} qubits do not fit {array.shape[-1]} bits",
            f"{path}.observables",
        )
    if flipped and FLIPS + REGISTER not in item:
        raise DecodeError("the flips of twirled measurements are missing", f"{where}.results")
    signs = item.get(SIGNS)
    if signs is not None and (signs.dtype != np.bool_ or signs.shape[:-1] != array.shape[:-2]):
        raise DecodeError(
            f"{signs.dtype.name} signs of shape {signs.shape} do not fit samples of shape {array.shape}",
            f"{where}.results.{SIGNS}",
        )
    if hasattr(task, "gamma") and not (type(task.gamma) in (int, float) and np.isfinite(task.gamma)):
        raise DecodeError(f"{task.gamma!r} is no number", f"{path}.pec_gamma")
