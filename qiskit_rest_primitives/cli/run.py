"""``qiskit-rest run``: sample the circuit in a file of OpenQASM."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .connecting import Place, asks_service
from .jobs import write_job, write_result
from .output import as_json, say

if TYPE_CHECKING:
    from qiskit import QuantumCircuit


@click.command("run", short_help="Sample the circuit in a file of OpenQASM.")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--backend", metavar="NAME", help="Where to; the one with the shortest queue otherwise.")
@click.option("--shots", type=click.IntRange(min=1), default=1024, show_default=True)
@click.option(
    "--level",
    type=click.IntRange(0, 3),
    default=1,
    show_default=True,
    help="Optimization level of the transpiler.",
)
@click.option("--tag", "tags", metavar="TAG", multiple=True, help="A tag of the job; may be repeated.")
@click.option(
    "--wait/--no-wait", default=True, help="Wait for the result and write it, or write the job's id."
)
@click.option("--timeout", type=click.FloatRange(min=0), metavar="SECONDS", help="Wait no longer than that.")
@as_json
@asks_service
def run_file(
    place: Place,
    file: Path,
    backend: str | None,
    shots: int,
    level: int,
    tags: tuple[str, ...],
    wait: bool,
    timeout: float | None,
    as_json: bool,
) -> None:
    """Sample the circuit in FILE, which holds OpenQASM 2 or 3, and write the counts of its registers."""
    from qiskit.transpiler import generate_preset_pass_manager

    from ..primitives.sampler import SamplerV2

    circuit = _read(file)
    service = place.open()
    device = service.backend(backend) if backend else service.least_busy(operational=True)
    ready = generate_preset_pass_manager(level, backend=device, seed_transpiler=0).run(circuit)
    sampler = SamplerV2(device, options={"environment": {"job_tags": list(tags)}} if tags else None)
    job = sampler.run([ready], shots=shots)
    if wait:
        say(f"Job {job.job_id()} on {device.name}", err=True)
        write_result(job, timeout, as_json=as_json)
    else:
        write_job(job, as_json=as_json)


def _read(file: Path) -> QuantumCircuit:
    """Read a circuit that can be sampled."""
    from qiskit import qasm2
    from qiskit.exceptions import QiskitError

    from ..qasm.codec import load_circuit

    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as cause:
        raise click.UsageError(f"{file} is no text in UTF-8: {cause}") from cause
    heads = (line.split(maxsplit=2)[:2] for line in text.splitlines())
    two = any(head[:1] == ["OPENQASM"] and head[-1].startswith("2") for head in heads)
    try:
        circuit = (
            qasm2.loads(text, custom_instructions=qasm2.LEGACY_CUSTOM_INSTRUCTIONS)
            if two
            else load_circuit(text)
        )
    except (QiskitError, ValueError, RecursionError) as cause:
        raise click.UsageError(f"{file} cannot be read as OpenQASM {2 if two else 3}: {cause}") from cause
    if circuit.parameters:
        names = ", ".join(parameter.name for parameter in circuit.parameters)
        raise click.UsageError(f"{file} has inputs without values ({names}), which only a program can give.")
    return circuit
