"""What a job was submitted with, read back from the service's copy: name maps, shapes and the user's inputs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..qasm.codec import load_map, own_names, restore_circuit
from ..rest.messages import readable
from ..wire import pubs as wire_pubs
from ..wire import typed
from ..wire.expected import DecodeHints, expected_shots

logger = logging.getLogger(__name__)


def recover(params: Mapping[str, Any] | None, *, program_id: str | None) -> DecodeHints:
    """Read the name maps and shapes of a job's PUBs.

    Nothing is known where the service withholds the params (private jobs, rest-api.md 4.16), or of programs without PUBs.
    """
    pubs = (params or {}).get("pubs")
    if not isinstance(pubs, Sequence) or isinstance(pubs, str) or not pubs:
        return DecodeHints()
    try:
        maps = [load_map(_circuit_of(pub)) for pub in pubs]
    except Exception as cause:  # noqa: BLE001 - foreign jobs hold anything; without a map their own names stay
        logger.debug("the circuits of a job carry no readable map: %s", type(cause).__name__)
        maps = [None]
    complete = tuple(entry for entry in maps if entry is not None)
    shots = expected_shots(params or {}) if program_id == "sampler" else None
    return DecodeHints(complete if len(complete) == len(pubs) else None, _shapes(pubs, program_id), shots)


def _circuit_of(pub: Any) -> Any:
    return pub[0] if isinstance(pub, list) else pub


def _shapes(pubs: Sequence[Any], program_id: str | None) -> tuple[tuple[int, ...], ...] | None:
    """Return the shape of each PUB, or None if one cannot be read here (the result then speaks for itself)."""
    try:
        if program_id == "sampler":
            return tuple(wire_pubs.load_sampler_pub(pub, shots=1).shape for pub in pubs)
        if program_id == "estimator":
            return tuple(wire_pubs.load_estimator_pub(pub, precision=1.0).shape for pub in pubs)
    except Exception as cause:  # noqa: BLE001 - as above
        logger.debug("the PUBs of a job cannot be read here: %s", type(cause).__name__)
    return None


def load_inputs(params: Mapping[str, Any]) -> dict[str, Any]:
    """Read what a job was given, of the params as the service keeps them.

    Returns:
        A copy of ``params`` with typed values decoded, and in each PUB the circuit as a ``QuantumCircuit`` with its
        original names, metadata and name as far as its text carries them, and its values under the names of its
        parameters. A circuit that cannot be read here stays as it was sent, and so do its values. A quantum program
        becomes a ``QuantumProgram`` and its options ``ExecutorOptions``; what a noise learner of version 3 or a
        calibrator was given becomes instructions and options likewise.
    """
    whole = _load_whole(params)
    return {key: whole[key] if key in whole else _load_member(params, key) for key in params}


def _load_whole(params: Mapping[str, Any]) -> dict[str, Any]:
    """Read the params of a noise learner or a calibrator; nothing for those of other programs, or if it fails."""
    if "schema_version" not in params or "quantum_program" in params:
        return {}
    # Only the inputs of such jobs need these, and the core leaves them unloaded.
    from ..options.noise_learner import CalibratorOptions, NoiseLearnerV3Options
    from ..qasm.annotations import LibraryAnnotations
    from ..results.calibrator import load_order
    from ..wire.noise_learning import load_request

    def load() -> dict[str, Any]:
        if "instructions" not in params:
            return {"options": CalibratorOptions(experimental=load_order(params))}
        read = load_request(params, annotations=LibraryAnnotations)
        return {
            "instructions": list(read.instructions),
            "options": NoiseLearnerV3Options.of_wire(read.options),
        }

    found: dict[str, Any] = _or_as_sent("The inputs", load, {})
    return found


def _load_member(params: Mapping[str, Any], key: str) -> Any:
    value = params[key]
    if key == "quantum_program" and "schema_version" in params:
        from ..executor.quantum_program import load_quantum_program

        return _or_as_sent("The quantum program", lambda: load_quantum_program(params), value)
    if key == "options" and "quantum_program" in params and isinstance(value, Mapping):
        from ..options.primitives import ExecutorOptions

        execution = {name: item for name, item in value.items() if name != "experimental"}
        experimental = value.get("experimental")
        return _or_as_sent(
            "The options", lambda: ExecutorOptions(execution=execution, experimental=experimental), value
        )
    if key == "circuits" and params.get("version") == 2 and isinstance(value, list):
        return [_load_pub(circuit)[0] for circuit in value]  # of a noise learner
    if key == "pubs" and isinstance(value, list):
        return [_load_pub(pub) for pub in value]
    return _load_value(value)


def _or_as_sent(what: str, load: Callable[[], Any], sent: Any) -> Any:
    """Return what is read, or what was sent: foreign jobs hold anything, and showing that beats showing nothing."""
    try:
        return load()
    except Exception as cause:  # noqa: BLE001 - as above
        logger.warning(
            "%s of the job cannot be read here; shown as it was sent: %s", what, readable(cause, 500)
        )
        return sent


def _load_pub(pub: Any) -> Any:
    parts = pub if isinstance(pub, list) and pub else [pub]

    def load() -> tuple[Any, Mapping[str, str]]:
        return restore_circuit(parts[0]), own_names(parts[0])

    circuit, names = _or_as_sent("A circuit", load, (parts[0], {}))
    return (circuit, *(_renamed(_load_value(part), names) for part in parts[1:]))


def _renamed(part: Any, names: Mapping[str, str]) -> Any:
    """Give values by name the names of their circuit; anything else in a PUB, observables too, has no such keys."""
    return {names.get(key, key): value for key, value in part.items()} if isinstance(part, dict) else part


def _load_value(value: Any) -> Any:
    try:
        return typed.load(value)
    except ValueError:
        return value
