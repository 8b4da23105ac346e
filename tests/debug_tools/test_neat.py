"""``Neat`` gives what the official one gives, and its results do the same arithmetic."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit, transpile
from qiskit.circuit import Parameter
from qiskit.primitives.containers import DataBin, PubResult
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.quantum_info import SparsePauliOp
from qiskit_aer.noise import NoiseModel, depolarizing_error
from qiskit_ibm_runtime.debug_tools import Neat as Official
from qiskit_ibm_runtime.debug_tools import NeatPubResult as OfficialPubResult

from qiskit_rest_primitives.debug_tools.neat import Neat, NeatPubResult, NeatResult

BACKEND = GenericBackendV2(5, basis_gates=["cz", "rz", "sx", "x"], seed=4)


def pubs(angle: Any = 0.3) -> list[Any]:
    circuit = QuantumCircuit(5)
    circuit.h(0)
    for qubit in range(4):
        circuit.cx(qubit, qubit + 1)
        circuit.rz(angle, qubit + 1)
    made = transpile(circuit, BACKEND, seed_transpiler=1, optimization_level=0)
    return [(made, [SparsePauliOp("ZZZZZ").apply_layout(made.layout), SparsePauliOp("XXXXX")])]


@pytest.fixture(scope="module")
def noise() -> NoiseModel:
    made = NoiseModel()
    made.add_all_qubit_quantum_error(depolarizing_error(0.02, 2), ["cz"])
    return made


@pytest.mark.parametrize("simulate", ["ideal_sim", "noisy_sim"])
@pytest.mark.parametrize("precision", [0, 0.02])
def test_simulations_give_what_the_official_ones_give(
    simulate: str, precision: float, noise: NoiseModel
) -> None:
    found = [
        getattr(kind(BACKEND, noise), simulate)(
            pubs(), cliffordize=True, seed_simulator=7, precision=precision
        )
        for kind in (Neat, Official)
    ]

    assert len(found[0]) == len(found[1]) == 1
    # Aer draws the deviations of a given precision without the seed: 5 sigma of a difference of two.
    assert np.allclose(found[0][0].vals, found[1][0].vals, rtol=0, atol=5 * 2**0.5 * precision)


def test_noise_comes_from_the_device_unless_it_is_given(noise: NoiseModel) -> None:
    neat = Neat(BACKEND)

    assert neat.noise_model == Official(BACKEND).noise_model
    neat.noise_model = noise
    assert neat.noise_model is noise
    assert neat.backend() is BACKEND
    assert repr(neat) == repr(Official(BACKEND))


def test_angles_are_rounded_and_other_circuits_are_refused(noise: NoiseModel) -> None:
    neat = Neat(BACKEND, noise)
    (pub,) = neat.to_clifford(pubs())
    (theirs,) = Official(BACKEND, noise).to_clifford(pubs())

    assert pub.circuit == theirs.circuit
    assert neat.ideal_sim([pub])[0].vals.tolist() == neat.ideal_sim(pubs(), cliffordize=True)[0].vals.tolist()
    with pytest.raises(ValueError, match="cliffordize=True"):
        neat.ideal_sim(pubs())
    (free,) = pubs(Parameter("a"))
    assert neat.to_clifford([(*free, [0.1])])[0].circuit.num_parameters == 0


@pytest.mark.parametrize("join", [operator.add, operator.sub, operator.mul, operator.truediv])
@pytest.mark.parametrize("other", ["number", "its like", "result", "data"])
@pytest.mark.parametrize("swapped", [False, True])
def test_arithmetic_is_that_of_the_official_results(join: Any, other: str, swapped: bool) -> None:
    values, more = [[1.0, 2.0], [3.0, 4.0]], np.array([[2.0, 5.0], [7.0, 0.5]])
    data = DataBin(evs=more, shape=(2, 2))

    def outcome(kind: Any) -> Any:
        against = {"number": 3, "its like": kind(more), "result": PubResult(data), "data": data}[other]
        return (join(against, kind(values)) if swapped else join(kind(values), against)).vals

    assert np.array_equal(outcome(NeatPubResult), outcome(OfficialPubResult))


def test_results_are_sequences_and_refuse_what_has_no_values() -> None:
    one = NeatPubResult([-1, 2])

    assert abs(one).vals.tolist() == [1, 2]
    assert (one**2).vals.tolist() == [1, 4]
    assert list(NeatResult([one])) == [one]
    for wrong in ("text", DataBin(meas=1)):
        with pytest.raises(ValueError, match="what has evs"):
            one + wrong
