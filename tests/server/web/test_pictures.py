"""The pictures in the docs: they are there, small, and shown; ``make pictures`` takes them anew."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.circuit.random import random_circuit
from qiskit.quantum_info import SparsePauliOp

from qiskit_rest_primitives import Batch, EstimatorV2, SamplerV2
from qiskit_rest_primitives.server.embedded import serve
from qiskit_rest_primitives.server.job_errors import TaskFailed
from qiskit_rest_primitives.server.primitives.registry import execute

DOCS = Path(__file__).parents[3] / "docs"
PICTURES = ("list", "job", "circuits", "sweep", "backend", "phone")
MOST_BYTES = 150_000


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_there_and_shown(name: str) -> None:
    path = DOCS / "images" / f"workloads-{name}.png"

    assert path.read_bytes().startswith(b"\x89PNG")
    assert path.stat().st_size < MOST_BYTES
    assert f"(images/{path.name})" in (DOCS / "workloads.md").read_text(encoding="utf-8")


def test_no_picture_is_left_over() -> None:
    shown = set(re.findall(r"\(images/(\S+?)\)", (DOCS / "workloads.md").read_text(encoding="utf-8")))

    assert {path.name for path in (DOCS / "images").iterdir()} == shown


@pytest.mark.skipif(
    "TAKE_PICTURES" not in os.environ, reason="make pictures takes the pictures of the docs anew"
)
def test_pictures_are_taken(browse: Callable[..., Any], connect: Callable[..., Any]) -> None:
    over = threading.Event()

    def directed(program: str, params: bytes, device: Any) -> Any:
        if b"7777" in params:
            over.wait(600)
        if b"6666" in params:
            raise TaskFailed("The circuit needs 300 qubits, the device has 256.", 1517)
        return execute(program, params, device)

    with serve(settings=lambda s: replace(s, execute=directed, workers=1)) as server:
        counts, ghz, sweep = scene(connect(server.endpoint))
        base = server.endpoint.iam_url
        with browse(server) as page:
            page.wait_for_selector(".badge.running")
            take(page, "list")
            visit(page, f"{base}/#/jobs/{counts}", ".bars .bar", "job")
            visit(page, f"{base}/#/jobs/{sweep}", ".sweep .point", "sweep")
            page.set_viewport_size({"width": 880, "height": 900})
            visit(page, f"{base}/#/backends/local_heron", ".map circle", "backend")
        with browse(server, color_scheme="dark") as page:
            visit(page, f"{base}/#/jobs/{ghz}/circuits", ".drawing", "circuits")
        with browse(server, viewport={"width": 390, "height": 780}) as page:
            page.wait_for_selector(".badge.running")
            take(page, "phone")
        over.set()


def visit(page: Any, address: str, ready: str, name: str) -> None:
    page.goto(address)
    page.wait_for_selector(ready)
    take(page, name)


def take(page: Any, name: str) -> None:
    page.evaluate("document.activeElement.blur()")
    path = DOCS / "images" / f"workloads-{name}.png"
    path.parent.mkdir(exist_ok=True)
    page.screenshot(path=path)


def scene(service: Any) -> tuple[str, str, str]:
    """Run what the pictures show; return the job with many counts, one with a short circuit, and one with a sweep."""
    ideal = service.backend("aer_simulator")
    angle, phase = Parameter("θ"), Parameter("φ")
    ghz = QuantumCircuit(4, name="ghz")
    ghz.ry(angle, 0)
    for qubit in range(3):
        ghz.cx(qubit, qubit + 1)
    ghz.rz(phase, 3)
    measured = ghz.copy()
    measured.measure_all()
    scrambled = random_circuit(4, 6, seed=5)
    scrambled.measure_all()
    points = [[value, 0.2] for value in np.linspace(0, 2 * np.pi, 40)]

    def run(primitive: Any, pub: Any, *tags: str, **more: Any) -> Any:
        return primitive(ideal, options={"environment": {"job_tags": list(tags)}}).run([pub], **more)

    sweep = run(EstimatorV2, (ghz, SparsePauliOp(["IIIZ"]), points), "sweep", "ghz")
    counts = run(SamplerV2, scrambled, "scrambled", shots=4000)
    counts.result()
    with Batch(backend=ideal) as batch:
        sampler = SamplerV2(batch)
        for value in (0.1, 0.2, 0.3):
            sampler.run([(measured, [value, 0.0])], shots=100).result()
    run(SamplerV2, (measured, [0.4, 0.1]), "too-wide", shots=6666).wait_for_final_state()
    job = run(SamplerV2, (measured, [1.2, 0.3]), "ghz", "noise-free", shots=2000)
    job.result()
    run(SamplerV2, (measured, [0.7, 0.1]), "vqe", shots=7777)
    run(SamplerV2, (measured, [0.5, 0.1]), "ghz").cancel()
    run(EstimatorV2, (ghz, SparsePauliOp(["ZZZZ"]), [0.9, 0.4]), "vqe")
    return counts.job_id(), job.job_id(), sweep.job_id()
