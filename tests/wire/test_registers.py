"""The user's registers out of those that travelled: slices, orders, overlaps, registers of no bits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qiskit import ClassicalRegister, QuantumCircuit
from qiskit.primitives import (
    BitArray,
    DataBin,
    PrimitiveResult,
    PubResult,
    SamplerPubResult,
    StatevectorSampler,
)

from qiskit_rest_primitives.qasm.codec import dump_circuit, load_circuit
from qiskit_rest_primitives.qasm.maps import CircuitMap, RegisterMap
from qiskit_rest_primitives.wire.jsonio import DecodeError
from qiskit_rest_primitives.wire.registers import rename_registers

SIZES = {"m000": 5, "m001": 70, "m002": 1}


def bools(name: str, shape: tuple[int, ...]) -> np.ndarray:
    rng = np.random.default_rng(SIZES[name])
    return rng.integers(0, 2, (*shape, SIZES[name])).astype(bool)


def result(shape: tuple[int, ...] = (4,), **metadata: Any) -> PrimitiveResult[Any]:
    data = {name: BitArray.from_bool_array(bools(name, shape), order="little") for name in SIZES}
    return PrimitiveResult([SamplerPubResult(DataBin(shape=shape[:-1], **data), metadata)], {"version": 2})


def circuit_map(
    *registers: tuple[str, list[tuple[str, int]]], metadata: dict[str, Any] | None = None
) -> CircuitMap:
    every = tuple(RegisterMap(name, len(bits), tuple(bits)) for name, bits in registers)
    return CircuitMap(num_qubits=3, parameters=(), registers=every, metadata=metadata or {}, name="c")


BITS = [(name, index) for name, size in SIZES.items() for index in range(size)]


@given(st.lists(st.sampled_from(BITS), max_size=20), st.sampled_from([(4,), (0,), (2, 3, 4), (2, 0, 4)]))
def test_any_choice_of_bits_makes_a_register(bits: list[tuple[str, int]], shape: tuple[int, ...]) -> None:
    every = circuit_map(("mine", bits), ("all", BITS))
    renamed = rename_registers(result(shape), [every])[0]

    assert list(renamed.data) == ["mine", "all"]
    assert (renamed.data.mine.num_bits, renamed.data.mine.num_shots) == (len(bits), shape[-1])
    assert renamed.data.mine.shape == renamed.data.shape == shape[:-1]
    if bits:
        expected = np.stack([bools(name, shape)[..., index] for name, index in bits], axis=-1)
        np.testing.assert_array_equal(renamed.data.mine.to_bool_array(order="little"), expected)


def test_a_register_that_travelled_as_a_whole_is_not_copied() -> None:
    before = result()

    after = rename_registers(before, [circuit_map(("alpha", [("m001", index) for index in range(70)]))])

    assert after[0].data.alpha is before[0].data.m001


def test_order_of_registers_is_the_users_and_hidden_ones_are_dropped() -> None:
    order = [("z", [("m002", 0)]), ("empty", []), ("a", [("m000", 1), ("m000", 0)])]

    data = rename_registers(result(), [circuit_map(*order)])[0].data

    assert list(data) == ["z", "empty", "a"]
    assert data.empty.array.shape == (4, 0)


def test_a_register_of_no_bits_alone_takes_its_shots_from_the_metadata() -> None:
    before = PrimitiveResult([SamplerPubResult(DataBin(), {"shots": 7})])

    data = rename_registers(before, [circuit_map(("empty", []))])[0].data

    assert data.empty.num_shots == 7


def test_kerneled_data_are_picked_by_columns() -> None:
    values = np.arange(10) + 1j * np.arange(10)[::-1]
    before = PrimitiveResult([SamplerPubResult(DataBin(m000=values.reshape(2, 5)))])

    data = rename_registers(before, [circuit_map(("a", [("m000", 3), ("m000", 0)]))])[0].data

    np.testing.assert_array_equal(data.a, values.reshape(2, 5)[:, [3, 0]])


def test_metadata_of_the_circuit_are_restored() -> None:
    circuits = [circuit_map(metadata={"a": 1, "b": 2})]

    renamed = rename_registers(result(circuit_metadata={"b": "2"}, shots=4), circuits)[0]

    # Their own values are exact; what the service answers went through JSON.
    assert renamed.metadata == {"circuit_metadata": {"a": 1, "b": 2}, "shots": 4}


def test_estimator_results_keep_their_data() -> None:
    before = PrimitiveResult([PubResult(DataBin(evs=np.array(0.5)))])

    after = rename_registers(before, [circuit_map(("c", [("m000", 0)]), metadata={"a": 1})])[0]

    assert type(after) is PubResult
    assert after.data is before[0].data
    assert after.metadata == {"circuit_metadata": {"a": 1}}


@pytest.mark.parametrize(
    ("register", "path"),
    [
        (("a", [("m009", 0)]), "$.results[0].data.m009"),
        (("a", [("m000", 5)]), "$.results[0].data.m000"),
        (("a", [("m000", index) for index in range(4)]), "$.results[0].data.m000"),
        (("items", [("m002", 0)]), "$.results[0].data"),
        (("self", [("m002", 0)]), "$.results[0].data"),
    ],
)
def test_a_map_that_does_not_fit_is_an_error_with_its_path(register: Any, path: str) -> None:
    with pytest.raises(DecodeError) as caught:
        rename_registers(result(), [circuit_map(register)])

    assert caught.value.path == path


@pytest.mark.parametrize("circuit_format", ["qasm3", "qpy"])
def test_a_circuit_that_travelled_gives_the_registers_of_the_original(circuit_format: Any) -> None:
    first, second = ClassicalRegister(3, "Zwei"), ClassicalRegister(2, "measure")
    overlap = ClassicalRegister(bits=[first[2], second[0], first[0]], name="overlap")
    circuit = QuantumCircuit(5, metadata={"k": 1})
    circuit.add_register(second, overlap, ClassicalRegister(0, "nothing"), first)
    circuit.x([0, 2, 4])
    circuit.measure([0, 1, 2, 3, 4], [*first, *second])
    encoded = dump_circuit(circuit, circuit_format=circuit_format)
    arrived = load_circuit(encoded.wire)

    travelled = StatevectorSampler(seed=1).run([arrived], shots=10).result()
    renamed = rename_registers(travelled, [encoded.map])[0]

    assert list(renamed.data) == [register.name for register in circuit.cregs]
    counts = {name: register.get_counts() for name, register in renamed.data.items() if register.num_bits}
    assert counts == {"Zwei": {"101": 10}, "measure": {"10": 10}, "overlap": {"101": 10}}
    assert renamed.metadata["circuit_metadata"] == {"k": 1}
