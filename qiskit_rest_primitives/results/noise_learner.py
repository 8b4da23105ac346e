"""Records of the noise-learner program: what it learned about the layers of a circuit (rest-api.md 4.12).

Public behaviour follows the classes of the same names in qiskit-ibm-runtime.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from qiskit import QuantumCircuit
from qiskit.quantum_info import PauliList

from .._calls import even_half_made
from .._doors import LazyMethod

if TYPE_CHECKING:
    from ..visualization import noise as figures


class PauliLindbladError:
    """A Pauli channel written by its Lindblad generators and their rates.

    Args:
        generators: The Pauli generators.
        rates: One rate per generator.

    Raises:
        ValueError: There are not as many rates as generators.
    """

    def __init__(self, generators: PauliList, rates: ArrayLike) -> None:
        self._generators = generators
        self._rates = np.asarray(rates, dtype=float)
        if self._rates.shape != (len(generators),):
            raise ValueError(f"{len(generators)} generators, but rates of shape {self._rates.shape}")

    @property
    def generators(self) -> PauliList:
        """The Pauli generators."""
        return self._generators

    @property
    def rates(self) -> NDArray[np.float64]:
        """One rate per generator, shape ``(len(generators),)``."""
        return self._rates

    @property
    def num_qubits(self) -> int:
        """Number of qubits the channel acts on."""
        return int(self._generators.num_qubits)

    def restrict_num_bodies(self, num_qubits: int) -> PauliLindbladError:
        """Return the part of the channel whose generators act on exactly ``num_qubits`` qubits.

        Raises:
            ValueError: ``num_qubits`` is negative.
        """
        if num_qubits < 0:
            raise ValueError(f"num_qubits is {num_qubits}, but must be 0 or larger")
        bodies = np.sum(self._generators.x | self._generators.z, axis=1)
        chosen = bodies == num_qubits
        return PauliLindbladError(self._generators[chosen], self._rates[chosen])

    @even_half_made
    def __repr__(self) -> str:
        return f"PauliLindbladError(generators={self._generators}, rates={self._rates.tolist()})"


class LayerError:
    """What was learned about one layer.

    Args:
        circuit: The layer.
        qubits: The device's qubits that the circuit's qubits stand for.
        error: The learned channel; None when it is unknown or was not wanted.

    Raises:
        ValueError: The numbers of qubits differ.
    """

    def __init__(
        self, circuit: QuantumCircuit, qubits: Sequence[int], error: PauliLindbladError | None = None
    ) -> None:
        self._circuit = circuit
        self._qubits = list(qubits)
        self._error = error
        widths = {len(self._qubits), circuit.num_qubits} | ({error.num_qubits} if error else set())
        if len(widths) > 1:
            raise ValueError(f"circuit, qubits and error have different numbers of qubits: {sorted(widths)}")

    @property
    def circuit(self) -> QuantumCircuit:
        """The layer."""
        return self._circuit

    @property
    def qubits(self) -> list[int]:
        """The device's qubits, in the order of the circuit's qubits."""
        return self._qubits

    @property
    def error(self) -> PauliLindbladError | None:
        """The learned channel, or None."""
        return self._error

    @property
    def num_qubits(self) -> int:
        """Number of qubits of the layer."""
        return len(self._qubits)

    if TYPE_CHECKING:
        draw_map = figures.draw_layer_error_map
        draw_swarm = figures.draw_layer_errors_swarm
    else:
        draw_map = LazyMethod("visualization.noise:draw_layer_error_map")
        draw_swarm = LazyMethod("visualization.noise:draw_layer_errors_swarm")

    @even_half_made
    def __repr__(self) -> str:
        return f"LayerError(circuit={self._circuit!r}, qubits={self._qubits}, error={self._error!r})"


class NoiseLearnerResult:
    """The result of a noise-learner job: a sequence of layer errors.

    Args:
        data: The layer errors.
        metadata: Metadata of the whole job.
    """

    def __init__(self, data: Sequence[LayerError], metadata: dict[str, Any] | None = None) -> None:
        self._data = list(data)
        self._metadata = dict(metadata or {})

    @property
    def data(self) -> list[LayerError]:
        """The layer errors."""
        return self._data

    @property
    def metadata(self) -> dict[str, Any]:
        """Metadata of the whole job."""
        return self._metadata

    def __getitem__(self, index: int) -> LayerError:
        return self._data[index]

    def __len__(self) -> int:
        return len(self._data)

    def __iter__(self) -> Iterator[LayerError]:
        return iter(self._data)

    @even_half_made
    def __repr__(self) -> str:
        return f"NoiseLearnerResult(data={self._data}, metadata={self._metadata})"
