"""Results of noise learners that ran as quantum programs: the noise of each box, fitted by qiskit-noise-learning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qiskit.quantum_info import QubitSparsePauliList

from ..results.noise_learner_v3 import NoiseLearnerV3Result, NoiseLearnerV3Results
from ..results.quantum_program import QuantumProgramResult
from ..wire.jsonio import DecodeError
from .passed import DATA, POST_PROCESSOR, Passed, check_flips


def learned_noise(result: QuantumProgramResult) -> NoiseLearnerV3Results:
    """Read a result with the role ``noise_learner_v3``, post-processor v0.1: an entry per instruction that was to be learned.

    Raises:
        DecodeError: Something that was sent along is missing, or does not fit the arrays.
        ImportError: qiskit-noise-learning is not installed; the message says what to install.
    """
    options = Passed(result).get("options", Mapping)
    for index, item in enumerate(result):
        check_flips(item, f"$.data[{index}]")
    try:
        from qiskit_noise_learning.protocols import process_vanilla_result
    except ImportError as cause:
        raise ImportError(
            "qiskit-noise-learning makes the results of client-side noise learners: pip install "
            "'qiskit-rest-primitives[noise-learning]', on Python 3.11 or later"
        ) from cause
    stage = _selection(options)
    try:
        maps, _, _ = process_vanilla_result(result, raw_data_stage=stage)
        return NoiseLearnerV3Results(
            NoiseLearnerV3Result.from_generators(
                [QubitSparsePauliList.from_qubit_sparse_paulis([pauli]) for pauli in each.generators()],
                each.rates,
            )
            for each in maps
        )
    except Warning:
        raise  # somebody has warnings be errors
    except Exception as cause:
        raise DecodeError(f"qiskit-noise-learning cannot make its result: {cause}", DATA) from cause


def _selection(options: Mapping[str, Any]) -> Any:
    """Return what discards shots by the checks that were measured before and after each circuit; None for no checks.

    Checks after the circuits count by themselves, too; the official client 0.51 forgets them unless there are some before.
    """
    from qiskit_mitigation.postselection.constants import (
        DEFAULT_POST_CHECK_SUFFIX,
        DEFAULT_PRE_CHECK_SUFFIX,
    )

    before = _check(options, "pre_circuit", DEFAULT_PRE_CHECK_SUFFIX)
    after = _check(options, "post_circuit", DEFAULT_POST_CHECK_SUFFIX)
    if before is None or after is None:
        return after if before is None else before
    return before + after


def _check(options: Mapping[str, Any], name: str, suffix: str) -> Any:
    from qiskit_noise_learning.analysis.flip_post_select import FlipPostSelect, suffix_creg_identifier

    try:
        check = options["bit_flip_checks"][name]
        if not check["enable"]:
            return None
        return FlipPostSelect(creg_identifier=suffix_creg_identifier(suffix), mode=check["strategy"])
    except (LookupError, TypeError, ValueError) as cause:
        raise DecodeError(
            f"expected enable and strategy: {cause!r}", f"{POST_PROCESSOR}.options.bit_flip_checks.{name}"
        ) from cause
