"""Quantum programs and their items."""

from typing import TYPE_CHECKING

from ._doors import door

if TYPE_CHECKING:
    from .executor.quantum_program import CircuitItem as CircuitItem
    from .executor.quantum_program import QuantumProgram as QuantumProgram
    from .executor.quantum_program import QuantumProgramItem as QuantumProgramItem
    from .executor.quantum_program import SamplexItem as SamplexItem

__all__, __getattr__, __dir__ = door(
    __name__,
    {"executor.quantum_program": "CircuitItem QuantumProgram QuantumProgramItem SamplexItem"},
    files={"quantum_program": "CircuitItem QuantumProgram QuantumProgramItem SamplexItem"},
)
