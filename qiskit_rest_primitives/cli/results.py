"""Results as documents, and as tables."""

from __future__ import annotations

from typing import Any

from .output import print_table, say

MOST_ROWS = 20
BAR = 20


def document_of(job_id: str, result: Any) -> dict[str, Any]:
    """Return a result as JSON has it.

    Args:
        job_id: Whose.
        result: What ``job.result()`` returned.

    Returns:
        ``job``, ``kind`` and ``pubs``: of each the members of its data by name. A register has ``shape``, ``num_bits``,
        ``num_shots`` and ``counts``, one object per parameter set; any other member ``shape`` and ``values``. Both are in
        C order. Of what is no result of PUBs there is ``text`` instead.
    """
    from qiskit.primitives import PrimitiveResult

    kind = type(result).__name__
    if not isinstance(result, PrimitiveResult):
        return {"job": job_id, "kind": kind, "text": repr(result)}
    pubs = [{name: _member(value) for name, value in pub.data.items()} for pub in result]
    return {"job": job_id, "kind": kind, "pubs": pubs}


def _member(value: Any) -> dict[str, Any]:
    import numpy as np
    from qiskit.primitives import BitArray

    if isinstance(value, BitArray):
        indices = list(np.ndindex(value.shape))
        return {
            "shape": list(value.shape),
            "num_bits": value.num_bits,
            "num_shots": value.num_shots,
            "counts": [value.get_counts(index) if value.shape else value.get_counts() for index in indices],
        }
    array = np.asarray(value)
    flat = array.ravel().tolist()
    values = [[one.real, one.imag] if isinstance(one, complex) else one for one in flat]
    return {"shape": list(array.shape), "values": values}


def print_result(document: dict[str, Any]) -> None:
    """Write a document of ``document_of`` for people: the most frequent outcomes, or the values."""
    if "text" in document:
        say(document["text"])
        return
    for number, pub in enumerate(document["pubs"]):
        for name, member in pub.items():
            if "counts" in member:
                for place, counts in enumerate(member["counts"]):
                    _print_counts(_title(number, name, place, member["shape"]), counts)
        values = {name: member for name, member in pub.items() if "values" in member}
        if values:
            shape = next(iter(values.values()))["shape"]
            columns = {name: member["values"] for name, member in values.items() if member["shape"] == shape}
            rows = [
                (place, *(f"{column[place]:.6g}" if isinstance(column[place], float) else column[place]
                          for column in columns.values()))
                for place in range(len(next(iter(columns.values()))))
            ]  # fmt: skip
            say(f"PUB {number}, shape {tuple(shape)}")
            print_table(("index", *columns), rows, empty="It has no values.")


def _title(number: int, name: str, place: int, shape: list[int]) -> str:
    return f"PUB {number}, register {name}" + (
        f", parameter set {place} of shape {tuple(shape)}" if shape else ""
    )


def _print_counts(title: str, counts: dict[str, int]) -> None:
    shots, most = sum(counts.values()), max(counts.values(), default=1)
    say(f"{title}: {shots} shots")
    order = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
    rows = [
        (bits, count, f"{count / shots:.4f}", "█" * round(BAR * count / most))
        for bits, count in order[:MOST_ROWS]
    ]
    print_table(("outcome", "counts", "share", "bar"), rows, empty="It has no bits.", spare=("bar", "share"))
    if len(order) > MOST_ROWS:
        say(f"... and {len(order) - MOST_ROWS} outcomes more (--json has all)")
