"""Results of samplers as histograms, those of estimators as tables, and of sweeps as curves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
from qiskit.primitives.containers import BitArray, PrimitiveResult, PubResult, SamplerPubResult

from .html import bars, card, facts, figure, image, table, text

if TYPE_CHECKING:
    from ..results.quantum_program import QuantumProgramItemResult, QuantumProgramResult

MOST_PUBS = 10
MOST_ROWS = 16
MOST_COLUMNS = 8
"""Curves in one figure."""


def primitive_result(result: PrimitiveResult[Any]) -> str:
    """Return a result: its first PUBs, one below the other."""
    return _first(result, "PrimitiveResult", "PUB", pub)


def program_result(result: QuantumProgramResult) -> str:
    """Return the result of a quantum program: its first items, one below the other."""
    return _first(result, "QuantumProgramResult", "item", _item)


def _first(result: Any, kind: str, part: str, show: Callable[[Any], str]) -> str:
    shown = (
        card(f"{part[0].upper()}{part[1:]} {index}", show(one))
        for index, one in enumerate(islice(result, MOST_PUBS))
    )
    left = len(result) - MOST_PUBS
    more = f"<p>… and {left} more {part}s</p>" if left > 0 else ""
    return card(f"{kind} of {len(result)} {part}{'' if len(result) == 1 else 's'}", *shown, more)


def _item(item: QuantumProgramItemResult) -> str:
    return "".join(_register(name, _shots(array)) for name, array in item.items())


def _shots(array: np.ndarray[Any, Any]) -> Any:
    """Return the shots of a register as those; all else as it is."""
    if array.dtype != bool or array.ndim < 2:
        return array
    return BitArray.from_bool_array(array, order="little")


def pub(result: PubResult) -> str:
    """Return the result of a PUB of either primitive."""
    return sampler_pub(result) if isinstance(result, SamplerPubResult) else estimator_pub(result)


def sampler_pub(result: PubResult) -> str:
    """Return a histogram for each register; of several parameter sets, that of the first."""
    return "".join(_register(name, value) for name, value in result.data.items()) or "<p>no registers</p>"


def _register(name: str, value: Any) -> str:
    if not isinstance(value, BitArray):
        array = np.asarray(value)
        return facts({name: f"array of shape {array.shape}, {array.dtype}"})
    of = f"{name}: {value.num_bits} bits, {value.num_shots} shots"
    if not (value.size and value.num_shots and value.num_bits):
        return facts({name: f"{value.num_bits} bits, {value.num_shots} shots, shape {value.shape}"})
    if value.ndim:
        of = f"{of}, shape {value.shape}; the first of {value.size} parameter sets"
    first = value[(0,) * value.ndim] if value.ndim else value
    return (
        f"<p style='margin:2px 0'>{text(of)}</p>{bars(first.get_counts(), first.num_shots, most=MOST_ROWS)}"
    )


def estimator_pub(result: PubResult) -> str:
    """Return expectation values and their standard deviations; along a sweep, as curves where matplotlib is there."""
    if "evs" not in result.data:
        return facts({name: f"array of shape {np.shape(value)}" for name, value in result.data.items()})
    values = np.asarray(result.data["evs"], dtype=float)
    errors = np.asarray(
        result.data["stds"] if "stds" in result.data else np.full(values.shape, np.nan), dtype=float
    )
    curves = _curves(values, errors) if values.ndim in (1, 2) and len(values) > 1 else ""
    rows = islice(_rows(values, errors), MOST_ROWS)
    return curves + table(
        ("index", "expectation value", "standard deviation"), rows, more=values.size - MOST_ROWS
    )


def _rows(values: np.ndarray[Any, Any], errors: np.ndarray[Any, Any]) -> Iterator[Sequence[Any]]:
    for place in np.ndindex(values.shape):
        yield str(list(place)) if place else "", f"{values[place]:.6g}", f"{errors[place]:.2g}"


def _curves(values: np.ndarray[Any, Any], errors: np.ndarray[Any, Any]) -> str:
    drawn = figure(5.5, 2.8)
    if drawn is None:
        return ""
    axes = drawn.add_subplot()
    columns = values.reshape(len(values), -1)[:, :MOST_COLUMNS]
    for index, (column, error) in enumerate(zip(columns.T, errors.reshape(len(values), -1).T, strict=False)):
        axes.errorbar(
            range(len(column)), column, yerror_of(error), marker=".", capsize=2, label=f"[…, {index}]"
        )
    if columns.shape[1] > 1:
        axes.legend(fontsize="small")
    axes.set_xlabel("index along the first axis")
    axes.set_ylabel("expectation value")
    axes.grid(alpha=0.3)
    return image(
        drawn, f"{columns.shape[1]} curves of {len(values)} expectation values, listed in the table below"
    )


def yerror_of(errors: np.ndarray[Any, Any]) -> Any:
    """Return error bars; None where there are none to draw."""
    return errors if np.isfinite(errors).all() and (errors >= 0).all() else None
