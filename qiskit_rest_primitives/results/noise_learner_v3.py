"""What a ``noise-learner`` job of version 3 found: generators and rates for each box (rest-api.md 4.7)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import BoxOp, CircuitInstruction
from qiskit.quantum_info import PauliLindbladMap, QubitSparsePauliList

from .._calls import even_half_made
from ..qasm.annotations import find_annotation
from ..wire.arrays import Allowance
from ..wire.jsonio import DecodeError
from ..wire.noise_learning import VERSIONS
from ..wire.tensors import dump_tensor, load_tensor


class NoiseLearnerV3Result:
    """The noise of one box: a Pauli channel by its Lindblad generators and their rates.

    The channel is the product of one channel per generator P, which applies P with probability (1 - exp(-2 r)) / 2 for a
    rate r. A generator may stand for several Paulis that no experiment tells apart; they share the rate.

    Attributes:
        metadata: What is known of the experiment: ``learning_protocol``, and ``post_selection``.
    """

    def __init__(self) -> None:
        self._generators: list[QubitSparsePauliList] = []
        self._rates: NDArray[np.float64] = np.zeros(0)
        self._rates_std: NDArray[np.float64] = np.zeros(0)
        self.metadata: Any = {}

    @classmethod
    def from_generators(
        cls,
        generators: Iterable[QubitSparsePauliList],
        rates: Iterable[float],
        rates_std: Iterable[float] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> NoiseLearnerV3Result:
        """Make a result.

        Args:
            generators: Each a list of Paulis that share a rate; qubit 0 is the box's qubit that comes first on the device.
            rates: One per generator.
            rates_std: Their standard deviations; None for zeros.
            metadata: What is known of the experiment.

        Raises:
            ValueError: The lengths, or the numbers of qubits, differ; or there are no generators.
        """
        made = cls()
        made._generators = list(generators)
        made._rates = np.array(rates, dtype=np.float64)
        made._rates_std = np.array(
            np.zeros(len(made._generators)) if rates_std is None else rates_std, dtype=np.float64
        )
        made.metadata = metadata or {}
        count, widths = len(made._generators), {entry.num_qubits for entry in made._generators}
        if made._rates.shape != (count,) or made._rates_std.shape != (count,):
            raise ValueError(
                f"there are {count} generators, but rates of shape {made._rates.shape} and rates_std of shape "
                f"{made._rates_std.shape}; one of each is needed"
            )
        if len(widths) != 1:
            raise ValueError(f"all generators must have the same number of qubits, not {sorted(widths)}")
        return made

    def to_pauli_lindblad_map(self) -> PauliLindbladMap:
        """Return the channel as Qiskit's class; its qubits are in the order of the device's."""
        paulis = [pauli for generator in self._generators for pauli in generator]
        rates = np.repeat(self._rates, [len(generator) for generator in self._generators])
        return PauliLindbladMap.from_components(rates, QubitSparsePauliList.from_qubit_sparse_paulis(paulis))

    def __len__(self) -> int:
        return len(self._generators)

    @even_half_made
    def __repr__(self) -> str:
        return f"{type(self).__name__}(<{len(self)}> generators)"


class NoiseLearnerV3Results:
    """The noise of all boxes of a job: a list with one entry per instruction, in their order.

    Args:
        data: The entries.
        metadata: Of the whole job; None when there is none.
    """

    def __init__(self, data: Iterable[NoiseLearnerV3Result], metadata: dict[str, Any] | None = None) -> None:
        self.data = list(data)
        self.metadata = metadata or None

    def to_dict(
        self, instructions: Sequence[CircuitInstruction], require_refs: bool = True
    ) -> dict[str, PauliLindbladMap]:
        """Return the noise by the reference of each box's ``InjectNoise`` annotation, as a samplex takes it.

        Args:
            instructions: Those of the job, in its order.
            require_refs: Whether every box must have a reference; otherwise those without are left out.

        Raises:
            ValueError: There are more or fewer instructions than entries, one is no box or has no reference, or two have
                the same.
        """
        if len(instructions) != len(self.data):
            raise ValueError(f"there are {len(self.data)} results, but {len(instructions)} instructions")
        found: dict[str, PauliLindbladMap] = {}
        for index, (entry, noise) in enumerate(zip(instructions, self.data, strict=True)):
            if not isinstance(entry.operation, BoxOp):
                raise ValueError(f"instruction {index} is a {entry.operation.name!r}, not a box")
            injected = find_annotation(entry.operation.annotations, "InjectNoise")
            if injected is None:
                if require_refs:
                    raise ValueError(
                        f"the box of instruction {index} has no InjectNoise annotation; require_refs=False leaves it out"
                    )
                continue
            if injected.ref in found:
                raise ValueError(f"two instructions have the reference {injected.ref!r}")
            found[injected.ref] = noise.to_pauli_lindblad_map()
        return found

    def to_pauli_lindblad_maps(self) -> list[PauliLindbladMap]:
        """Return the channel of each entry as Qiskit's class."""
        return [entry.to_pauli_lindblad_map() for entry in self.data]

    def __getitem__(self, idx: int) -> NoiseLearnerV3Result:
        return self.data[idx]

    def __iter__(self) -> Iterator[NoiseLearnerV3Result]:
        return iter(self.data)

    def __len__(self) -> int:
        return len(self.data)

    @even_half_made
    def __repr__(self) -> str:
        return f"{type(self).__name__}(<{len(self.data)}> data)"


def is_learned(document: Any) -> bool:
    """Tell whether a decoded JSON value is the result of a noise learner of version 3 that had something to learn."""
    if not isinstance(document, Mapping) or document.get("schema_version") not in VERSIONS:
        return False
    data = document.get("data")
    return isinstance(data, list) and any(isinstance(e, Mapping) and "generators_sparse" in e for e in data)


def dump_learned(results: Iterable[NoiseLearnerV3Result], version: str = VERSIONS[-1]) -> dict[str, Any]:
    """Write results as ``GET /jobs/{id}/results`` answers them, in the schema of the params. Inverse: ``load_learned``."""
    return {
        "schema_version": version,
        "data": [
            {
                "generators_sparse": [
                    [[paulis, list(qubits)] for paulis, qubits in generator.to_sparse_list()]
                    for generator in entry._generators
                ],
                "num_qubits": entry._generators[0].num_qubits,
                "rates": dump_tensor(entry._rates, compressed=False),
                "rates_std": dump_tensor(entry._rates_std, compressed=False),
                "metadata": _dump_metadata(entry.metadata, version),
            }
            for entry in results
        ],
    }


def _dump_metadata(metadata: Mapping[str, Any], version: str) -> dict[str, Any]:
    """Write metadata, whose keys may be qubits and depths; the first version has no ``success_rates``."""
    selection = _texts(metadata["post_selection"])
    if version == "v0.1":
        selection.pop("success_rates", None)
    return {"learning_protocol": metadata["learning_protocol"], "post_selection": selection}


def _texts(value: Any) -> Any:
    return (
        {str(name): _texts(entry) for name, entry in value.items()} if isinstance(value, Mapping) else value
    )


def load_learned(document: Any) -> NoiseLearnerV3Results:
    """Read results of any schema version, the decoded body of ``GET /jobs/{id}/results``. Inverse of ``dump_learned``."""
    data = document.get("data") if isinstance(document, Mapping) else None
    if not isinstance(data, list) or document.get("schema_version") not in VERSIONS:
        raise DecodeError("expected what a noise learner found: schema_version and data")
    allowance = Allowance()
    entries = [_load_entry(entry, f"$.data[{index}]", allowance) for index, entry in enumerate(data)]
    metadata = document.get("metadata")
    return NoiseLearnerV3Results(entries, metadata if isinstance(metadata, dict) else None)


def _load_entry(entry: Any, path: str, allowance: Allowance) -> NoiseLearnerV3Result:
    if not isinstance(entry, Mapping):
        raise DecodeError("expected an object", path)
    rates, deviations = (
        load_tensor(entry.get(name), compressed=False, allowance=allowance, path=f"{path}.{name}")
        for name in ("rates", "rates_std")
    )
    try:
        width = int(entry["num_qubits"])
        generators = [
            QubitSparsePauliList.from_sparse_list([(paulis, qubits) for paulis, qubits in terms], width)
            for terms in entry["generators_sparse"]
        ]
        metadata = _numbers(entry.get("metadata") or {})
        return NoiseLearnerV3Result.from_generators(generators, rates, deviations, metadata)
    except (KeyError, TypeError, ValueError, OverflowError) as cause:
        raise DecodeError(f"the generators cannot be read: {cause}", path) from cause


def _numbers(value: Any) -> Any:
    """Read metadata: names that are numbers become such, as depths and qubits were before JSON made texts of them."""
    if isinstance(value, Mapping):
        return {
            int(name) if isinstance(name, str) and name.isdecimal() else name: _numbers(entry)
            for name, entry in value.items()
        }
    return value
