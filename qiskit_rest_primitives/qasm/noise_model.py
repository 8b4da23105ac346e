"""An Aer noise model <-> its document: Aer's own dictionary, and its noise passes in a form without code.

``NoiseModel.to_dict()`` leaves the passes out, and with them the relaxation in delays of every model made by
``from_backend``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from inspect import getmembers, isclass
from typing import Any

import numpy as np
from qiskit import circuit as circuits
from qiskit.circuit import Delay, Instruction, library
from qiskit.circuit.library.standard_gates import get_standard_gate_name_mapping

from .._frozen import frozen

PASSES = "noise_passes"
"""Key of the passes in the document; Aer's dictionary has no such key."""

NOISE_KEY = "noise_instructions"
"""Key of what a served device's noise model tells apart, in its configuration; the service has no such key."""

Hold = Callable[[Any], str]
"""Keeps a pass in this process, and returns the name by which it is found again."""


class PassNotCarriedError(TypeError):
    """A noise pass runs code of its own, which is not sent to other processes; the text names it."""


@dataclass(frozen=True)
class Distinguished:
    """What a noise tells apart in a circuit, so that it must be there as the user wrote it.

    Attributes:
        names: Labels, or names of instructions without a label, that errors are bound to.
        places: For each of them, where; None for everywhere.
        time: The length of delays matters.
        passes: Noise passes look at every instruction, its class and its parameters, of each circuit that has a delay;
            Aer lets passes see no other circuit.
        labels: An instruction that has a label is looked up by it instead of its name, as Aer does.
    """

    names: frozenset[str] = frozenset()
    places: Mapping[str, frozenset[tuple[int, ...]] | None] = field(default_factory=dict, hash=False)
    time: bool = False
    passes: bool = False
    labels: bool = True

    def __bool__(self) -> bool:
        """Return whether there is any noise but misreadings."""
        return bool(self.names) or self.time or self.passes

    @classmethod
    def from_json(cls, document: Any) -> Distinguished:
        """Read what a served device says in its configuration; anything else is no noise."""
        if not isinstance(document, Mapping):
            return cls()
        names = document.get("names")
        return cls(
            frozenset(map(str, names)) if isinstance(names, (list, tuple)) else frozenset(),
            time=document.get("time") is True,
            passes=document.get("passes") is True,
        )

    def to_json(self) -> dict[str, Any]:
        """Return what stands in the configuration of a served device; places are left out. Inverse: ``from_json``."""
        return {"names": sorted(self.names), "time": self.time, "passes": self.passes}

    def acts_on(self, name: str, label: str | None = None) -> bool:
        """Tell whether an error is bound to an instruction, somewhere."""
        return (label if self.labels and label else name) in self.names

    def reads(self, label: str | None, name: str) -> bool:
        """Tell whether an instruction without its label would have other noise."""
        if not label or label == name:
            return False
        return self.passes or (self.labels and not self.names.isdisjoint((label, name)))

    def meets(self, name: str, qubits: Iterable[int] | None = None) -> bool:
        """Tell whether an error is bound to a label or name, on these qubits if they are given."""
        places = self.places.get(name)
        return name in self.names and (places is None or qubits is None or tuple(qubits) in places)


NOISELESS = Distinguished()
"""What no noise tells apart: nothing."""


def _entries(document: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    found = document.get(name)
    return [entry for entry in found if isinstance(entry, Mapping)] if isinstance(found, list) else []


def distinguished(model: Any) -> Distinguished:
    """Return what a noise model, its document, or None for no noise, tells apart; as cheap as listing its errors."""
    if model is None:
        return Distinguished()
    places: dict[str, set[tuple[int, ...]] | None] = {}
    if isinstance(model, Mapping):
        # Whoever runs it judges a document that is none; here it tells nothing apart.
        passes = [_of_delays_only(entry) for entry in _entries(model, PASSES)]
        for error in _entries(model, "errors"):
            if error.get("type") != "qerror":
                continue  # a misreading changes nothing but the bit
            where = error.get("gate_qubits")
            for name in error.get("operations", ()):
                _add(places, name, where)
    else:
        passes = [getattr(one, "_ops", None) == (Delay,) and _is_relaxation(one) for one in passes_of(model)]
        for name in model._default_quantum_errors:
            _add(places, name, None)
        for name, local in model._local_quantum_errors.items():
            _add(places, name, local)
    return Distinguished(
        names=frozenset(places),
        places={name: None if where is None else frozenset(where) for name, where in places.items()},
        time=bool(passes),
        passes=not all(passes),
    )


def _add(
    places: dict[str, set[tuple[int, ...]] | None], name: str, where: Iterable[Iterable[int]] | None
) -> None:
    known = places.setdefault(name, set())
    if known is None:
        return
    if where is None:
        places[name] = None
    else:
        known.update(map(tuple, where))


def passes_of(model: Any) -> list[Any]:
    """Return the noise passes of a model; Aer keeps them under a private name."""
    return list(getattr(model, "_custom_noise_passes", ()))


def dump_noise_model(model: Any, hold: Hold | None = None) -> dict[str, Any]:
    """Return the document of a ``qiskit_aer.noise.NoiseModel``: ``to_dict()``, and its passes where it has some.

    ``hold`` keeps passes that run code of their own, for a reader in the same process; without it they are refused as a
    ``PassNotCarriedError``. Inverse: ``wire.typed.readers`` for the errors, ``load_passes`` for the passes.
    """
    document: dict[str, Any] = model.to_dict()
    if passes := passes_of(model):
        document[PASSES] = [_dump_pass(one, hold) for one in passes]
    return document


def _dump_pass(one: Any, hold: Hold | None) -> dict[str, Any]:
    names = [_class_names().get(kind) for kind in getattr(one, "_ops", ())]
    if _is_relaxation(one) and None not in names:
        return {
            "type": "relaxation",
            "t1s": _dump_times(one._t1s),
            "t2s": _dump_times(one._t2s),
            "excited_state_populations": _dump_times(one._p1s),
            "dt": one._dt,
            "op_types": names,
            "durations": None if one._target is None else _dump_durations(one._target, names),
        }
    if hold is None:
        raise PassNotCarriedError(
            f"the noise pass {_described(one)} runs code of its own, which is never sent: only a noise model with "
            "RelaxationNoisePass passes can be, or one of a simulator that is the mode itself, mode=AerSimulator(...)"
        )
    return {"type": "held", "key": hold(one), "name": _described(one)}


def _is_relaxation(one: Any) -> bool:
    from qiskit_aer.noise import RelaxationNoisePass

    return (
        type(one) is RelaxationNoisePass
        and getattr(one._func, "__func__", None) is RelaxationNoisePass._thermal_relaxation_error
        and one._func.__self__ is one
        and one._method == "append"
    )


def _described(one: Any) -> str:
    function = getattr(getattr(one, "_func", None), "__qualname__", None)
    return type(one).__name__ + (f" of {function}" if function else "")


def _dump_times(values: Any) -> list[float | None]:
    """Write numbers, with None for infinity, which JSON lacks."""
    return [None if math.isinf(value) else float(value) for value in np.asarray(values, dtype=float)]


def _dump_durations(target: Any, names: list[str | None]) -> list[list[Any]]:
    """Write the durations of a target in seconds; delays bring their own."""
    if names == ["Delay"]:
        return []
    return [
        [name, list(qubits), values.duration]
        for name in sorted(target.operation_names)
        if name != "delay"
        for qubits, values in (target.get(name) or {}).items()
        if qubits is not None and getattr(values, "duration", None) is not None
    ]


def _of_delays_only(entry: Any) -> bool:
    return (
        isinstance(entry, Mapping)
        and entry.get("type") == "relaxation"
        and entry.get("op_types") == ["Delay"]
    )


@frozen
class Duration:
    """How long an instruction takes, in s; stands for the entry of a Target."""

    duration: float


def passes_in(model: Any) -> list[Mapping[str, Any]]:
    """Return the entries of the passes in the document of a noise model, tagged or not; none in anything else."""
    document = model.get("__value__", model) if isinstance(model, Mapping) else None
    return _entries(document, PASSES) if isinstance(document, Mapping) else []


def load_passes(entries: Any, held: Callable[[Mapping[str, Any]], Any]) -> list[Any]:
    """Return the passes that a document describes under ``PASSES``. Inverse of ``dump_noise_model``.

    ``held`` finds the pass that an entry names, which is kept in this process; in another one it is a ``ValueError``.
    """
    if not isinstance(entries, list):
        raise ValueError(f"its {PASSES} must be a list")
    return [_load_pass(entry, held) for entry in entries]


def _load_pass(entry: Any, held: Callable[[Mapping[str, Any]], Any]) -> Any:
    from qiskit_aer.noise import RelaxationNoisePass

    kind = entry.get("type") if isinstance(entry, Mapping) else None
    if kind == "held":
        return held(entry)
    if kind != "relaxation":
        raise ValueError(f"a noise pass of the type {str(kind)[:40]!r} is not known")
    times = [_load_times(entry.get(key), key) for key in ("t1s", "t2s", "excited_state_populations")]
    dt, durations, names = entry.get("dt"), entry.get("durations"), entry.get("op_types")
    if len({len(numbers) for numbers in times}) > 1 or not (dt is None or _is_time(dt)):
        raise ValueError(
            "a relaxation pass needs one T1, T2 and population for each qubit, and a dt in seconds"
        )
    known = _classes()
    if not isinstance(names, list) or not all(name in known for name in names):
        raise ValueError("the op_types of a relaxation pass must be names of Qiskit's instructions")
    return RelaxationNoisePass(
        times[0],
        times[1],
        dt=dt,
        op_types=[known[name] for name in names] or None,
        excited_state_populations=times[2],
        target=None if durations is None else _load_durations(durations),
    )


def _load_times(values: Any, key: str) -> list[float]:
    if not isinstance(values, list) or not all(value is None or _is_time(value) for value in values):
        raise ValueError(f"the {key} of a relaxation pass must be a list of numbers of at least 0")
    return [math.inf if value is None else float(value) for value in values]


def _load_durations(entries: Any) -> dict[str, dict[tuple[int, ...], Duration]]:
    """Return durations as a relaxation pass asks a Target for them, which is by ``get`` alone."""
    found: dict[str, dict[tuple[int, ...], Duration]] = {}
    for name, qubits, seconds in entries:
        if not _is_time(seconds):
            raise ValueError("the durations of a relaxation pass must be seconds")
        found.setdefault(str(name), {})[tuple(map(int, qubits))] = Duration(float(seconds))
    return found


def _is_time(value: Any) -> bool:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return number and math.isfinite(value) and value >= 0


@lru_cache(maxsize=1)
def _classes() -> dict[str, type]:
    """Return Qiskit's classes of instructions by name: the only ones that a name read from the wire can mean."""
    found = {type(gate).__name__: type(gate) for gate in get_standard_gate_name_mapping().values()}
    for module in (library, circuits):
        found |= {name: kind for name, kind in getmembers(module, isclass) if issubclass(kind, Instruction)}
    return found


@lru_cache(maxsize=1)
def _class_names() -> dict[type, str]:
    return {kind: name for name, kind in _classes().items()}
