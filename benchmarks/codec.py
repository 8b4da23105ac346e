"""What the codec costs beside what one would write without it: every ratio with its aim, in one run.

Each pair is measured in turns in one process, best of several rounds, so that the ratios mean something on a
busy machine. ``python benchmarks/codec.py`` takes about two minutes and 1.5 GB, most of it in what stands
beside: the official client's encoder and Qiskit's importer; ``--shots``, ``--sets`` and ``--rounds`` make it
quicker. It exits with 1 if an aim is missed.

* read plain: a sampler result as hexadecimal samples, beside ``json.loads`` and ``BitArray.from_samples``;
* read typed: the same result with tags, from the bytes of the body to the result, beside base64, zlib and
  ``numpy.load`` of the array's text, which the latter are given ready in hand;
* write PUBs: 50 of one circuit with parameter sets, beside ``json.dumps`` with the official client's encoder;
* submit again: the CPU time an unchanged circuit takes;
* export, import: an ISA circuit beside ``qiskit.qasm3``.
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import sys
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from qiskit import QuantumCircuit, generate_preset_pass_manager, qasm3
from qiskit.circuit.library import efficient_su2
from qiskit.primitives import BitArray, DataBin, PrimitiveResult, SamplerPubResult
from qiskit.primitives.containers.sampler_pub import SamplerPub
from qiskit_ibm_runtime import RuntimeEncoder
from qiskit_ibm_runtime.fake_provider import FakeSherbrooke
from table import Row, show

from qiskit_rest_primitives.qasm.codec import dump_circuit
from qiskit_rest_primitives.qasm.text import read_program
from qiskit_rest_primitives.wire import jsonio
from qiskit_rest_primitives.wire import result_body as dialect
from qiskit_rest_primitives.wire.pubs import dump_sampler_pub

NUM_BITS = 127
MEMORY_AIM = 3.0


def best_seconds(
    runs: dict[str, Callable[[], Any]], rounds: int, clock: Callable[[], float] = time.perf_counter
) -> dict[str, float]:
    """Time the entries in turns; return the best of each, in seconds."""
    best = dict.fromkeys(runs, float("inf"))
    for _ in range(rounds):
        for name, run in runs.items():
            start = clock()
            run()
            best[name] = min(best[name], clock() - start)
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


def compare(name: str, best: dict[str, float], aim: float) -> Row:
    """Return a line of the table from the times of ours and of what stands beside it."""
    (_, ours), (beside, peer) = best.items()
    return Row("codec", name, 1e3 * ours, "ms", beside, 1e3 * peer, aim=aim)


def read_results(shots: int, rounds: int) -> Iterator[Row]:
    """Read a sampler result in either form."""
    rng = np.random.default_rng(1)
    bits = rng.integers(0, 256, (shots, (NUM_BITS + 7) // 8), dtype=np.uint8)
    bits[:, 0] &= (1 << NUM_BITS % 8) - 1
    result = PrimitiveResult([SamplerPubResult(DataBin(meas=BitArray(bits, NUM_BITS)))])
    plain = dialect.dump_result(result, support_qiskit=False)
    typed = json.dumps(result, cls=RuntimeEncoder).encode()
    for body in (plain, typed):
        assert dialect.load_result(body)[0].data.meas == result[0].data.meas

    def from_samples() -> BitArray:
        document = json.loads(plain)
        return BitArray.from_samples(document["results"][0]["data"]["meas"]["samples"], NUM_BITS)

    data = json.loads(typed)["__value__"]["pub_results"][0]["__value__"]["data"]["__value__"]
    text = data["fields"]["meas"]["__value__"]["array"]["__value__"]

    def bare() -> Any:
        return np.load(io.BytesIO(zlib.decompress(base64.b64decode(text))))

    size = f"{shots} shots x {NUM_BITS} bits"
    for form, body, name, other, aim in (
        ("plain", plain, "json.loads, from_samples", from_samples, 0.35),
        ("typed", typed, "base64, zlib, numpy.load", bare, 1.2),
    ):
        best = best_seconds({"ours": lambda body=body: dialect.load_result(body), name: other}, rounds)
        yield compare(f"read {form}, {size}, {len(body) / 1e6:.1f} MB", best, aim)
        peak = peak_bytes(lambda body=body: dialect.load_result(body)) / 1e6
        yield Row(
            "codec", f"read {form}, peak memory", peak, "MB", "the body", len(body) / 1e6, aim=MEMORY_AIM
        )


def write_pubs(sets: int, rounds: int) -> Row:
    """Write 50 PUBs of one 100-qubit circuit."""
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

    sizes = f"ours {len(ours()) / 1e6:.1f} MB, official {len(official()) / 1e6:.1f} MB"
    title = (
        f"write 50 PUBs of {circuit.num_qubits} qubits, {sets} sets of {circuit.num_parameters} parameters"
    )
    best = best_seconds({"ours": ours, "official encoder": official}, rounds)
    return compare(f"{title}, {sizes}", best, 0.5)


def submit_again() -> Row:
    """Write a circuit that was written before."""
    circuit = efficient_su2(127, reps=3)
    circuit.measure_all()
    dump_circuit(circuit)
    best = best_seconds({"again": lambda: dump_circuit(circuit)}, 50, time.process_time)
    title = f"submit again: {circuit.num_qubits} qubits, {sum(circuit.count_ops().values())} instructions"
    return compare(title, {**best, "aim": 1e-3}, 1.0)


def isa_ansatz() -> QuantumCircuit:
    """Return an ansatz in the language and on the lines of a 127-qubit heavy-hex device."""
    passes = generate_preset_pass_manager(1, backend=FakeSherbrooke(), seed_transpiler=1)
    ansatz = efficient_su2(127, reps=3)
    ansatz.measure_all()
    return passes.run(ansatz)


def export_and_import(rounds: int) -> Iterator[Row]:
    """Write and read an ISA circuit."""
    circuit = isa_ansatz()
    gates = sum(circuit.count_ops().values())
    size = f"{circuit.num_qubits} qubits, {gates} instructions, {circuit.num_parameters} parameters"

    def anew() -> str:
        # A copy, because an unchanged circuit is not written twice.
        return dump_circuit(circuit.copy(), circuit_format="qasm3").wire

    text = anew()
    best = best_seconds(
        {"ours": anew, "qiskit.qasm3.dumps": lambda: qasm3.dumps(circuit)}, rounds, time.process_time
    )
    yield compare(f"export {size}", best, 1.0)
    runs = {"ours": lambda: read_program(text), "qiskit.qasm3.loads": lambda: qasm3.loads(text)}
    ours = best_seconds({"ours": runs["ours"]}, rounds, time.process_time)
    importer = best_seconds({"qiskit.qasm3.loads": runs["qiskit.qasm3.loads"]}, 1, time.process_time)
    yield compare(f"import {len(text) / 1e3:.0f} kB of that", {**ours, **importer}, 0.03)


def rows(*, shots: int = 1_000_000, sets: int = 1000, rounds: int = 7) -> Iterator[Row]:
    """Measure everything."""
    yield from read_results(shots, rounds)
    yield write_pubs(sets, min(rounds, 3))
    yield submit_again()
    yield from export_and_import(rounds)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shots", type=int, default=1_000_000)
    parser.add_argument("--sets", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    found = []
    show(found.append(row) or row for row in rows(**vars(options)))
    return 0 if all(row.met for row in found) else 1


if __name__ == "__main__":
    sys.exit(main())
