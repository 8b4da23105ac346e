"""``QuantumProgram``: circuits, and for each the values to run it with, for ``Executor``."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from qiskit.circuit import QuantumCircuit
from qiskit.quantum_info import PauliLindbladMap

from .._calls import even_half_made
from ..exceptions import IBMInputValueError
from ..wire.quantum_program import ProgramItem, load_items, load_noise_map, load_passed, require_samplomatic

MeasLevel = Literal["classified", "kerneled", "avg_kerneled", "both"]


class QuantumProgramItem(ABC):
    """One circuit of a program.

    Args:
        circuit: The circuit.
        chunk_size: Most bound circuits in one loop over the shots; None lets the service decide, which it always
            does outside of sessions.

    Raises:
        IBMInputValueError: It is no circuit.
    """

    def __init__(self, circuit: QuantumCircuit, chunk_size: int | None = None) -> None:
        if not isinstance(circuit, QuantumCircuit):
            raise IBMInputValueError(
                f"An item takes a QuantumCircuit, not {type(circuit).__name__}; values go into circuit_arguments."
            )
        self.circuit = circuit
        self.chunk_size = chunk_size

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...]:
        """The shape of what is swept: results have it in front of their own axes."""

    def size(self) -> int:
        """Return how many bound circuits the item stands for."""
        return math.prod(self.shape)

    def _repr(self, *described: str) -> str:
        chunk = () if self.chunk_size is None else (f"chunk_size={self.chunk_size}",)
        members = (f"<QuantumCircuit {self.circuit.name!r}>", *described, *chunk)
        return f"{type(self).__name__}({', '.join(members)})"


class CircuitItem(QuantumProgramItem):
    """A circuit and the values of its parameters.

    Args:
        circuit: The circuit.
        circuit_arguments: Array of shape (..., parameters), in the order of ``circuit.parameters``; the axes in front
            are the item's shape. None for a circuit without parameters.
        chunk_size: See ``QuantumProgramItem``.

    Raises:
        IBMInputValueError: The values do not fit the circuit.
    """

    def __init__(
        self,
        circuit: QuantumCircuit,
        *,
        circuit_arguments: ArrayLike | None = None,
        chunk_size: int | None = None,
    ) -> None:
        super().__init__(circuit, chunk_size)
        self.circuit_arguments = _values(circuit, circuit_arguments)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the values without their last axis."""
        return self.circuit_arguments.shape[:-1]

    @even_half_made
    def __repr__(self) -> str:
        values = self.circuit_arguments
        return self._repr(*([f"circuit_arguments=<{values.shape}, {values.dtype}>"] if values.size else []))


class SamplexItem(QuantumProgramItem):
    """A circuit and a samplex that draws the values of its parameters.

    Args:
        circuit: The template circuit that was built with the samplex.
        samplex: A ``samplomatic.Samplex``.
        samplex_arguments: Its arguments by name; their axes in front are swept and broadcast together.
        shape: A shape that extends the one of the arguments; the axes that it adds count randomisations.
        chunk_size: See ``QuantumProgramItem``.

    Raises:
        IBMInputValueError: Arguments are missing, wrong, or of shapes that do not go together.
        ImportError: samplomatic (extra ``executor``) is not installed.
    """

    def __init__(
        self,
        circuit: QuantumCircuit,
        samplex: Any,
        *,
        samplex_arguments: Mapping[str, Any] | None = None,
        shape: tuple[int, ...] | None = None,
        chunk_size: int | None = None,
    ) -> None:
        super().__init__(circuit, chunk_size)
        require_samplomatic()
        try:
            bound = samplex.inputs().make_broadcastable().bind(**(samplex_arguments or {}))
        except (ValueError, TypeError, KeyError) as cause:
            raise IBMInputValueError(f"The samplex does not take these arguments: {cause}") from cause
        if not bound.fully_bound:
            missing = bound.describe(prefix="- ", include_bound=False)
            raise IBMInputValueError(f"The samplex needs more arguments:\n{missing}")
        try:
            self._shape = np.broadcast_shapes(tuple(shape or ()), bound.shape)
        except ValueError as cause:
            raise IBMInputValueError(
                f"The shape {shape} does not go together with that of the arguments, {bound.shape}."
            ) from cause
        self.samplex = samplex
        self.samplex_arguments = bound

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the arguments, extended by ``shape``."""
        return self._shape

    @even_half_made
    def __repr__(self) -> str:
        return self._repr(
            "<Samplex>", f"samplex_arguments={sorted(self.samplex_arguments)}", f"shape={self.shape}"
        )


class QuantumProgram:
    """A list of circuits to be run with the same number of shots; ``Executor`` runs it.

    Args:
        shots: Shots of every bound circuit, at least 1.
        items: Items to begin with.
        noise_maps: Noise by name, for samplexes that have an argument ``pauli_lindblad_maps.<name>``.
        meas_level: What results hold: "classified" booleans of shape (..., shots, bits); "kerneled" complex numbers of
            that shape; "avg_kerneled" their averages, of shape (..., bits); "both" the first two.
        passthrough_data: Nested lists and dicts of arrays, numbers and texts that come back with the result.
    """

    def __init__(
        self,
        shots: int,
        items: Iterable[QuantumProgramItem] | None = None,
        noise_maps: dict[str, PauliLindbladMap] | None = None,
        meas_level: MeasLevel = "classified",
        passthrough_data: Any = None,
    ) -> None:
        self.shots = shots
        self.items: list[QuantumProgramItem] = list(items or ())
        self.noise_maps = noise_maps or {}
        self.meas_level = meas_level
        self.passthrough_data = passthrough_data
        self._semantic_role: str | None = None

    @classmethod
    def from_(cls, program: Any) -> QuantumProgram:
        """Return a program that shares the items of a program of samplomatic.

        Args:
            program: A ``samplomatic.quantum_program.QuantumProgram``.
        """
        return cls(
            program.shots, program.items, program.noise_maps, program.meas_level, program.passthrough_data
        )

    def append_circuit_item(
        self,
        circuit: QuantumCircuit,
        circuit_arguments: ArrayLike | None = None,
        *,
        chunk_size: int | None = None,
    ) -> None:
        """Append a circuit with the values of its parameters.

        Args:
            circuit: See ``CircuitItem``.
            circuit_arguments: See ``CircuitItem``.
            chunk_size: See ``QuantumProgramItem``.

        Raises:
            IBMInputValueError: The values do not fit the circuit.
        """
        self.items.append(CircuitItem(circuit, circuit_arguments=circuit_arguments, chunk_size=chunk_size))

    def append_samplex_item(
        self,
        circuit: QuantumCircuit,
        samplex: Any,
        samplex_arguments: Mapping[str, Any] | None = None,
        *,
        shape: tuple[int, ...] | None = None,
        chunk_size: int | None = None,
    ) -> None:
        """Append a circuit whose values a samplex draws.

        Args:
            circuit: See ``SamplexItem``.
            samplex: See ``SamplexItem``.
            samplex_arguments: See ``SamplexItem``; they win over ``noise_maps``.
            shape: See ``SamplexItem``.
            chunk_size: See ``QuantumProgramItem``.

        Raises:
            IBMInputValueError: The arguments do not fit the samplex.
            ImportError: samplomatic (extra ``executor``) is not installed.
        """
        require_samplomatic()
        wanted = {spec.name for spec in samplex.inputs().specs}
        maps = {
            name: noise for name, noise in self.noise_maps.items() if f"pauli_lindblad_maps.{name}" in wanted
        }
        arguments = {**({"pauli_lindblad_maps": maps} if maps else {}), **(samplex_arguments or {})}
        self.items.append(
            SamplexItem(circuit, samplex, samplex_arguments=arguments, shape=shape, chunk_size=chunk_size)
        )

    @even_half_made
    def __repr__(self) -> str:
        if not self.items:
            return f"QuantumProgram(shots={self.shots})"
        rows = "".join(f"    {item!r},\n" for item in self.items)
        return f"QuantumProgram(shots={self.shots}, items=[\n{rows}])"


def _values(circuit: QuantumCircuit, given: ArrayLike | None) -> NDArray[np.float64]:
    count = circuit.num_parameters
    if given is None and count:
        raise IBMInputValueError(
            f"Circuit {circuit.name!r} has {count} parameters: give circuit_arguments of shape (..., {count})."
        )
    try:
        values = np.array([] if given is None else given, dtype=np.float64)
    except (TypeError, ValueError) as cause:
        raise IBMInputValueError(f"circuit_arguments must be an array of numbers: {cause}") from cause
    if values.ndim == 0 or values.shape[-1] != count:
        raise IBMInputValueError(
            f"circuit_arguments has shape {values.shape}, but its last axis must be the {count} parameters of circuit "
            f"{circuit.name!r}."
        )
    return values


def load_quantum_program(params: Mapping[str, Any]) -> QuantumProgram:
    """Read the program of an ``executor`` job back from its params, of any schema version; a samplex needs the extra ``executor``."""
    version, document = params["schema_version"], params["quantum_program"]
    program = QuantumProgram(
        document["shots"],
        [_load_item(item) for item in load_items(document, version)],
        meas_level=document.get("meas_level") or "classified",
        passthrough_data=load_passed(
            document.get("passthrough_data"), version=version, path="$.passthrough_data"
        ),
    )
    program._semantic_role = document.get("semantic_role")
    return program


def _load_item(item: ProgramItem) -> QuantumProgramItem:
    if item.samplex is None:
        return CircuitItem(item.in_own_names(), circuit_arguments=item.arguments, chunk_size=item.chunk_size)
    require_samplomatic()
    from samplomatic.serialization import samplex_from_json

    samplex = samplex_from_json(item.samplex)
    interface = samplex.inputs().make_broadcastable()
    for name, value in (item.samplex_arguments or {}).items():
        interface[name] = load_noise_map(value) if isinstance(value, Mapping) else value
    return SamplexItem(
        item.in_own_names(),
        samplex,
        samplex_arguments=dict(interface),
        shape=item.shape,
        chunk_size=item.chunk_size,
    )
