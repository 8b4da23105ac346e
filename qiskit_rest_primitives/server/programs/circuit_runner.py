"""The program ``circuit-runner``: transpile for the backend and run."""

from __future__ import annotations

from typing import Any

from qiskit import transpile

from ...programs.author import ProgramBackend, UserMessenger

__all__ = ["main"]


def main(
    backend: ProgramBackend,
    _messenger: UserMessenger,
    circuits: Any,
    shots: int = 4000,
    initial_layout: Any = None,
    layout_method: str | None = None,
    routing_method: str | None = None,
    translation_method: str | None = None,
    seed_transpiler: int | None = None,
    optimization_level: int | None = None,
    skip_transpilation: bool = False,
    seed_simulator: int | None = None,
    memory: bool = False,
    **unknown: Any,
) -> dict[str, Any]:
    """Run circuits; the arguments are those of ``qiskit.transpile`` and of the simulator.

    Returns:
        A ``qiskit.result.Result`` as a dict.

    Raises:
        ValueError: Something is asked for that is not done here.
    """
    wanted = [name for name, value in unknown.items() if value]
    if wanted:
        raise ValueError(f"circuit-runner does not do this: {', '.join(sorted(wanted))}")
    if not skip_transpilation:
        circuits = transpile(
            circuits,
            backend,
            initial_layout=initial_layout,
            layout_method=layout_method,
            routing_method=routing_method,
            translation_method=translation_method,
            seed_transpiler=seed_transpiler,
            optimization_level=1 if optimization_level is None else optimization_level,
        )
    result: dict[str, Any] = (
        backend.run(circuits, shots=shots, memory=memory, seed_simulator=seed_simulator).result().to_dict()
    )
    return result
