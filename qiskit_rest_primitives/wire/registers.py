"""The user's classical registers, put together from those that travelled."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any

import numpy as np
from qiskit.primitives.containers import BitArray, DataBin, PubResult, SamplerPubResult

from ..qasm.maps import CircuitMap, RegisterMap
from .jsonio import DecodeError, below
from .samples import gather_bits


def rename_registers(pubs: Iterable[PubResult], maps: Sequence[CircuitMap]) -> list[PubResult]:
    """Give results of PUBs the register names, and the metadata, of the circuits as the user wrote them.

    A register that travelled as a whole is passed on without copying. Slices, overlaps and registers of
    no bits are put together; wire registers in no map are dropped. Estimator results keep their data.
    """
    renamed = []
    for index, (pub, circuit) in enumerate(zip(pubs, maps, strict=True)):
        metadata = dict(pub.metadata)
        if circuit.metadata:
            metadata["circuit_metadata"] = copy.deepcopy(circuit.metadata)
        data = pub.data
        if isinstance(pub, SamplerPubResult):
            data = _renamed(data, circuit.registers, metadata, below(below("$.results", index), "data"))
        renamed.append(type(pub)(data, metadata))
    return renamed


def _renamed(
    data: DataBin, registers: Sequence[RegisterMap], metadata: Mapping[str, Any], path: str
) -> DataBin:
    shares = Counter(name for register in registers for name in {name for name, _ in register.bits})
    whole = {name for name, count in shares.items() if count == 1}
    fields = {register.name: _assembled(data, register, whole, metadata, path) for register in registers}
    try:
        return DataBin(shape=data.shape, **fields)
    except (ValueError, TypeError) as cause:
        raise DecodeError(f"the registers {sorted(fields)} make no DataBin: {cause}", path) from cause


def _assembled(
    data: DataBin, register: RegisterMap, whole: Set[str], metadata: Mapping[str, Any], path: str
) -> Any:
    sources = {name: _source(data, name, path) for name, _ in register.bits}
    for name, index in register.bits:
        if index >= _width(sources[name]):
            raise DecodeError(f"register {register.name!r} needs its bit {index}", below(path, name))
    if len(sources) == 1:
        ((name, source),) = sources.items()
        if register.bits == tuple((name, index) for index in range(len(register.bits))):
            if len(register.bits) == _width(source):
                return source
            if name in whole:  # nobody else asks for the other bits, so they would get lost
                problem = f"register {register.name!r} has {len(register.bits)} bits, not {_width(source)}"
                raise DecodeError(problem, below(path, name))
    if any(isinstance(source, np.ndarray) for source in sources.values()):
        return np.stack([sources[name][..., index] for name, index in register.bits], axis=-1)
    if not register.bits:
        return BitArray(np.zeros((*data.shape, _shots(data, metadata), 0), dtype=np.uint8), 0)
    columns = [(sources[name].array, index) for name, index in register.bits]
    return BitArray(gather_bits(columns, columns[0][0].shape[:-1]), len(columns))


def _source(data: DataBin, name: str, path: str) -> Any:
    if name not in data:
        raise DecodeError(f"the register is missing; there are {sorted(data)}", below(path, name))
    return data[name]


def _width(source: Any) -> int:
    return int(source.num_bits if isinstance(source, BitArray) else source.shape[-1])


def _shots(data: DataBin, metadata: Mapping[str, Any]) -> int:
    for value in data.values():
        if isinstance(value, BitArray):
            return value.num_shots
    shots = metadata.get("shots")
    return shots if isinstance(shots, int) else 0
