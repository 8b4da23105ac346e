"""What a job was submitted with, read back from the service's copy: name maps, shapes and the user's inputs."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from ..qasm.codec import load_map, own_names, restore_circuit
from ..rest.messages import readable
from ..wire import pubs as wire_pubs
from ..wire import typed
from ..wire.expected import DecodeHints, expected_shots

__all__ = ["load_inputs", "recover"]

logger = logging.getLogger(__name__)


def recover(params: Mapping[str, Any] | None, *, program_id: str | None) -> DecodeHints:
    """Read the name maps and shapes of a job's PUBs.

    Args:
        params: As the service keeps them; None or empty when it withholds them (private jobs, rest-api.md 4.16).
        program_id: ``sampler`` or ``estimator``; other programs have no PUBs.
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
    """Read what a job was given.

    Args:
        params: As the service keeps them.

    Returns:
        A copy of ``params`` with typed values decoded, and in each PUB the circuit as a ``QuantumCircuit`` with its
        original names, metadata and name as far as its text carries them, and its values under the names of its
        parameters. A circuit that cannot be read here stays as it was sent, and so do its values. A quantum program
        becomes a ``QuantumProgram`` and its options ``ExecutorOptions``; what a noise learner of version 3 or a
        calibrator was given becomes instructions and options likewise.
    """
    whole = _load_whole(params)
    inputs: dict[str, Any] = {}
    for key, value in params.items():
        if key in whole:
            inputs[key] = whole[key]
            continue
        if key == "quantum_program" and "schema_version" in params:
            inputs[key] = _load_program(params)
            continue
        if key == "options" and "quantum_program" in params and isinstance(value, Mapping):
            inputs[key] = _load_options(value)
            continue
        if key == "circuits" and params.get("version") == 2 and isinstance(value, list):
            inputs[key] = [_load_pub(circuit)[0] for circuit in value]  # of a noise learner
            continue
        pubs = key == "pubs" and isinstance(value, list)
        inputs[key] = [_load_pub(pub) for pub in value] if pubs else _load_value(value)
    return inputs


def _load_whole(params: Mapping[str, Any]) -> dict[str, Any]:
    """Read the params of a noise learner or a calibrator; nothing for those of other programs, or if it fails."""
    if "schema_version" not in params or "quantum_program" in params:
        return {}
    # Only the inputs of such jobs need these, and the core leaves them unloaded.
    from ..options.noise_learner import CalibratorOptions, NoiseLearnerV3Options
    from ..qasm.annotations import LibraryAnnotations
    from ..results.calibrator import load_order
    from ..wire.noise_learning import load_request

    try:
        if "instructions" not in params:
            return {"options": CalibratorOptions(experimental=load_order(params))}
        read = load_request(params, annotations=LibraryAnnotations)
        return {
            "instructions": list(read.instructions),
            "options": NoiseLearnerV3Options.of_wire(read.options),
        }
    except Exception as cause:  # noqa: BLE001 - as for circuits
        logger.warning(
            "The inputs of the job cannot be read here and are shown as they were sent: %s",
            readable(cause, 500),
        )
        return {}


def _load_pub(pub: Any) -> Any:
    parts = pub if isinstance(pub, list) and pub else [pub]
    try:
        circuit: Any = restore_circuit(parts[0])
        names = own_names(parts[0])
    except Exception as cause:  # noqa: BLE001 - showing the text beats refusing to show anything
        logger.warning(
            "A circuit of the job cannot be read here and is shown as it was sent: %s", readable(cause, 500)
        )
        circuit, names = parts[0], {}
    return (circuit, *(_renamed(_load_value(part), names) for part in parts[1:]))


def _renamed(part: Any, names: Mapping[str, str]) -> Any:
    """Give values by name the names of their circuit; anything else in a PUB, observables too, has no such keys."""
    return {names.get(key, key): value for key, value in part.items()} if isinstance(part, dict) else part


def _load_program(params: Mapping[str, Any]) -> Any:
    from ..executor.quantum_program import load_quantum_program

    try:
        return load_quantum_program(params)
    except Exception as cause:  # noqa: BLE001 - as for circuits
        logger.warning(
            "The quantum program cannot be read here and is shown as it was sent: %s", readable(cause, 500)
        )
        return params["quantum_program"]


def _load_options(options: Mapping[str, Any]) -> Any:
    from ..options.primitives import ExecutorOptions

    execution = {name: value for name, value in options.items() if name != "experimental"}
    try:
        return ExecutorOptions(execution=execution, experimental=options.get("experimental"))
    except ValueError as cause:
        logger.warning(
            "The options of the job cannot be read here and are shown as they were sent: %s",
            readable(cause, 500),
        )
        return options


def _load_value(value: Any) -> Any:
    try:
        return typed.load(value)
    except ValueError:
        return value
