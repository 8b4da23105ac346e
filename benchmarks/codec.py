"""The value codec beside what one would write without it: seconds, ratios and peak memory.

Each pair is measured in turns in one process, best of several rounds, so that the ratios mean something on a
busy machine. Run it with ``python benchmarks/codec.py``; ``--shots`` and ``--sets`` make it quicker.

* plain: a sampler result as hexadecimal samples, beside ``json.loads`` and ``BitArray.from_samples``;
* typed: the same result with tags, beside bare ``json.loads``, base64, zlib and ``numpy.load``;
* pubs: 50 PUBs of one circuit, beside ``json.dumps`` with the official client's encoder.
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import time
import tracemalloc
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
from qiskit.circuit.library import efficient_su2
from qiskit.primitives import BitArray, DataBin, PrimitiveResult, SamplerPubResult
from qiskit.primitives.containers.sampler_pub import SamplerPub
from qiskit_ibm_runtime import RuntimeEncoder

from qiskit_rest_primitives.wire import dialect, jsonio
from qiskit_rest_primitives.wire.circuits import dump_circuit
from qiskit_rest_primitives.wire.pubs import dump_sampler_pub

NUM_BITS = 127


def best_seconds(runs: dict[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    """Time the entries in turns; return the best of each, in seconds."""
    best = dict.fromkeys(runs, float("inf"))
    for _ in range(rounds):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            best[name] = min(best[name], time.perf_counter() - start)
    return best


def peak_bytes(run: Callable[[], Any]) -> int:
    """Return the most memory that was allocated at a time."""
    tracemalloc.start()
    try:
        kept = run()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    del kept
    return peak


def report(title: str, best: dict[str, float], aim: float, peak: float | None = None) -> None:
    """Print the entries and the ratio of the first to the second."""
    first, second, *_ = best.values()
    print(f"{title}: ratio {first / second:.2f} (aim {aim:.2f})", end="")
    print("" if peak is None else f", peak memory {peak:.2f} x body (aim 3.00)")
    for name, seconds in best.items():
        print(f"    {name:<34}{1e3 * seconds:10.1f} ms")


def results(shots: int, rounds: int) -> None:
    """Compare reading a sampler result in either form."""
    rng = np.random.default_rng(1)
    bits = rng.integers(0, 256, (shots, (NUM_BITS + 7) // 8), dtype=np.uint8)
    bits[:, 0] &= (1 << NUM_BITS % 8) - 1
    result = PrimitiveResult([SamplerPubResult(DataBin(meas=BitArray(bits, NUM_BITS)))])
    plain = dialect.dump_result(result, support_qiskit=False)
    typed = dialect.dump_result(result, support_qiskit=True)
    for body in (plain, typed):
        assert dialect.load_result(body)[0].data.meas == result[0].data.meas

    def bare_plain() -> BitArray:
        document = json.loads(plain)
        return BitArray.from_samples(document["results"][0]["data"]["meas"]["samples"], NUM_BITS)

    def field_of(document: Any) -> str:
        data = document["__value__"]["pub_results"][0]["__value__"]["data"]["__value__"]
        return data["fields"]["meas"]["__value__"]["array"]["__value__"]

    text = field_of(json.loads(typed))

    def bare_array(text: str) -> Any:
        return np.load(io.BytesIO(zlib.decompress(base64.b64decode(text))))

    report(
        f"read plain, {shots} shots x {NUM_BITS} bits, {len(plain) / 1e6:.1f} MB",
        best_seconds({"ours": lambda: dialect.load_result(plain), "from_samples": bare_plain}, rounds),
        0.35,
        peak_bytes(lambda: dialect.load_result(plain)) / len(plain),
    )
    report(
        f"read typed, {len(typed) / 1e6:.1f} MB",
        best_seconds(
            {
                "ours": lambda: dialect.load_result(typed),
                "json, base64, zlib, numpy.load": lambda: bare_array(field_of(json.loads(typed))),
                "the same without json": lambda: bare_array(text),
            },
            rounds,
        ),
        1.2,
        peak_bytes(lambda: dialect.load_result(typed)) / len(typed),
    )
    writing = {
        "plain": lambda: dialect.dump_result(result, support_qiskit=False),
        "typed": lambda: dialect.dump_result(result, support_qiskit=True),
        "official encoder": lambda: json.dumps(result, cls=RuntimeEncoder),
    }
    print("write the same result")
    for name, seconds in best_seconds(writing, 1).items():
        print(f"    {name:<34}{1e3 * seconds:10.1f} ms")


def pubs(sets: int, rounds: int) -> None:
    """Compare writing 50 PUBs of one 100-qubit circuit."""
    circuit = efficient_su2(100, reps=0, su2_gates=["ry"]).decompose()
    circuit.measure_all()
    rng = np.random.default_rng(1)
    many = [
        SamplerPub.coerce((circuit, rng.normal(size=(sets, circuit.num_parameters))), 100) for _ in range(50)
    ]

    def ours() -> bytes:
        return jsonio.dumps([dump_sampler_pub(pub, dump_circuit(pub.circuit)) for pub in many])

    def official() -> bytes:
        return json.dumps(many, cls=RuntimeEncoder).encode()

    print(f"bodies: ours {len(ours()) / 1e6:.1f} MB, official {len(official()) / 1e6:.1f} MB")
    title = (
        f"write 50 PUBs of {circuit.num_qubits} qubits, {sets} sets of {circuit.num_parameters} parameters"
    )
    report(title, best_seconds({"ours": ours, "official encoder": official}, rounds), 0.5)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shots", type=int, default=1_000_000)
    parser.add_argument("--sets", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    results(options.shots, options.rounds)
    pubs(options.sets, options.rounds)


if __name__ == "__main__":
    main()
