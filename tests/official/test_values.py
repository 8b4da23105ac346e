"""Values through both codecs: what the official encoder writes, ours writes, and each reads what the other wrote."""

from __future__ import annotations

import datetime
import json
import warnings
from typing import Any

import numpy as np
import pytest
from qiskit.circuit import Parameter, QuantumCircuit
from qiskit.circuit.library import RXGate, XGate
from qiskit.primitives import BitArray, DataBin
from qiskit.quantum_info import (
    PTM,
    Chi,
    Choi,
    Clifford,
    CNOTDihedral,
    DensityMatrix,
    Kraus,
    Operator,
    Pauli,
    PauliLindbladMap,
    PauliList,
    ScalarOp,
    SparsePauliOp,
    Statevector,
    Stinespring,
    SuperOp,
)
from qiskit.transpiler import CouplingMap
from scipy import sparse

from qiskit_rest_primitives import RuntimeDecoder, RuntimeEncoder

official = pytest.importorskip("qiskit_ibm_runtime", reason="pip install qiskit-ibm-runtime>=0.51 to compare")


class WithJson:
    """An object that writes itself."""

    def to_json(self) -> dict[str, int]:
        """Return a document."""
        return {"a": 1}


class WithSettings:
    """An object that is made of settings."""

    settings = {"a": 1, "b": "x"}


VALUES: dict[str, Any] = {
    "Statevector": Statevector([1, 0]),
    "DensityMatrix": DensityMatrix(np.eye(2) / 2),
    "Operator": Operator(np.eye(2)),
    "Clifford": Clifford(QuantumCircuit(1)),
    "CNOTDihedral": CNOTDihedral(num_qubits=1),
    "Pauli": Pauli("XY"),
    "PauliList": PauliList(["X", "Y"]),
    "SparsePauliOp": SparsePauliOp("X"),
    "ScalarOp": ScalarOp(2),
    "Chi": Chi(np.eye(4)),
    "Choi": Choi(np.eye(4)),
    "Kraus": Kraus([np.eye(2)]),
    "PTM": PTM(np.eye(4)),
    "SuperOp": SuperOp(np.eye(4)),
    "Stinespring": Stinespring(np.eye(2)),
    "PauliLindbladMap": PauliLindbladMap([("XX", 0.1)]),
    "days": np.array(["2024-01-01", "NaT"], dtype="datetime64[D]"),
    "durations": np.array([[1, 2]], dtype="timedelta64[25us]"),
    "objects": np.array([1, {"obj": 2}], dtype=object),
    "a table of objects": np.array([[1, {"obj": 2}], ["x", None]], dtype=object),
    "words": np.array(["a", "bc"]),
    "bytes": np.array([b"a"]),
    "flags": np.array([True]),
    "a number as array": np.array(3.5),
    "nothing": np.zeros((0, 3)),
    "complex numbers": np.array([1 + 2j]),
    "records": np.array([(1, 2.0)], dtype=[("a", int), ("b", float)]),
    "complex": 1j,
    "set": {1, 2},
    "numbers as keys": {1: 2},
    "tuple": {"a": (1, 2)},
    "int64": np.int64(1),
    "float64": np.float64(1),
    "date and time": datetime.datetime(2024, 1, 2),
    "Parameter": Parameter("x"),
    "QuantumCircuit": QuantumCircuit(1),
    "gate": XGate(),
    "gate with an angle": RXGate(0.5),
    "CouplingMap": CouplingMap([[0, 1]]),
    "sparse matrix": sparse.csr_matrix(np.eye(2)),
    "to_json": WithJson(),
    "settings": WithSettings(),
    "callable": print,
    "bits beyond": BitArray(np.array([[[234, 100]]], dtype=np.uint8), num_bits=15),
    "DataBin": DataBin(shape=(2,), evs=np.array([1.0, 2.0])),
}
RESTORED = ("Statevector", "DensityMatrix")
"""What the official decoder leaves as a document and ours makes again."""


def through(value: Any, encoder: Any, decoder: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # callables become null, with a warning
        return json.loads(json.dumps({"v": value}, cls=encoder), cls=decoder)["v"]


def same(one: Any, other: Any) -> bool:
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and one.shape == other.shape and repr(one) == repr(other)
    if sparse.issparse(one):
        return bool((one.toarray() == other.toarray()).all())
    if isinstance(one, BitArray):
        return one.num_bits == other.num_bits and bool((one.array == other.array).all())
    return repr(one) == repr(other) if isinstance(one, (PauliLindbladMap, DataBin)) else bool(one == other)


@pytest.mark.parametrize("name", VALUES)
def test_both_codecs_take_the_same_values(name: str) -> None:
    """Faults B (``encoder_values``, ``decoder_values``)."""
    value = VALUES[name]
    theirs, ours = (official.RuntimeEncoder, official.RuntimeDecoder), (RuntimeEncoder, RuntimeDecoder)

    wanted = through(value, *theirs)

    assert same(through(value, ours[0], theirs[1]), wanted)
    if name in RESTORED:
        assert through(value, *ours) == value == through(value, theirs[0], ours[1])
    else:
        assert same(through(value, theirs[0], ours[1]), wanted)
        assert same(through(value, *ours), wanted)
