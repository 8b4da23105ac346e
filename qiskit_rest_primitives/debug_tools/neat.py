"""``Neat``: what an estimator's circuits would give as Clifford circuits, with and without noise, to compare with."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from qiskit.exceptions import QiskitError
from qiskit.primitives.containers import DataBin, PubResult
from qiskit.primitives.containers.estimator_pub import EstimatorPub
from qiskit.providers import BackendV2
from qiskit.transpiler import PassManager

from .._calls import even_half_made
from ..exceptions import IBMInputValueError
from ..transpiler.passes.cliffordization import ConvertISAToClifford


class NeatPubResult:
    """Expectation values of a PUB, with arithmetic: ``+ - * / **`` and ``abs``, value by value.

    The other side can be a number, another of these, or a result of an estimator, whose ``evs`` count.

    Args:
        vals: The values, in any shape.
    """

    def __init__(self, vals: ArrayLike) -> None:
        self._vals = np.array(vals, dtype=float)

    @property
    def vals(self) -> NDArray[np.float64]:
        """The values."""
        return self._vals

    def _with(self, other: Any, join: Callable[[Any, Any], Any], *, swapped: bool = False) -> NeatPubResult:
        values = _values(other)
        return NeatPubResult(join(values, self._vals) if swapped else join(self._vals, values))

    def __abs__(self) -> NeatPubResult:
        return NeatPubResult(np.abs(self._vals))

    def __add__(self, other: Any) -> NeatPubResult:
        return self._with(other, operator.add)

    def __sub__(self, other: Any) -> NeatPubResult:
        return self._with(other, operator.sub)

    def __mul__(self, other: Any) -> NeatPubResult:
        return self._with(other, operator.mul)

    def __truediv__(self, other: Any) -> NeatPubResult:
        return self._with(other, operator.truediv)

    def __radd__(self, other: Any) -> NeatPubResult:
        return self._with(other, operator.add, swapped=True)

    def __rsub__(self, other: Any) -> NeatPubResult:
        return self._with(other, operator.sub, swapped=True)

    def __rmul__(self, other: Any) -> NeatPubResult:
        return self._with(other, operator.mul, swapped=True)

    def __rtruediv__(self, other: Any) -> NeatPubResult:
        return self._with(other, operator.truediv, swapped=True)

    def __pow__(self, p: float) -> NeatPubResult:
        return NeatPubResult(self._vals**p)

    @even_half_made
    def __repr__(self) -> str:
        return f"NeatPubResult(vals={self._vals!r})"


def _values(other: Any) -> Any:
    if isinstance(other, (int, float)):
        return other
    if isinstance(other, NeatPubResult):
        return other.vals
    data = other.data if isinstance(other, PubResult) else other
    if isinstance(data, DataBin) and "evs" in data:
        return data.evs
    raise IBMInputValueError(
        f"A NeatPubResult goes with numbers, its like, and what has evs, not with {type(other).__name__}."
    )


class NeatResult:
    """What a simulation of several PUBs gave.

    Args:
        pub_results: One for each PUB.
    """

    def __init__(self, pub_results: Iterable[NeatPubResult]) -> None:
        self._pub_results = list(pub_results)

    def __getitem__(self, index: int) -> NeatPubResult:
        return self._pub_results[index]

    def __len__(self) -> int:
        return len(self._pub_results)

    def __iter__(self) -> Iterator[NeatPubResult]:
        return iter(self._pub_results)

    @even_half_made
    def __repr__(self) -> str:
        return f"NeatResult({self._pub_results})"


class Neat:
    """Simulates the PUBs of an estimator as Clifford circuits, which is quick at any width.

    ::

        analyzer = Neat(backend)
        pubs = analyzer.to_clifford(pubs)
        ideal, noisy = analyzer.ideal_sim(pubs), analyzer.noisy_sim(pubs)
        print(abs(noisy[0] - estimator.run(pubs).result()[0]))

    Args:
        backend: The device.
        noise_model: The noise of ``noisy_sim``; None for what the device's calibration says, without relaxation.

    Raises:
        ImportError: qiskit-aer is not installed.
    """

    def __init__(self, backend: BackendV2, noise_model: Any = None) -> None:
        self._backend = backend
        self._noise_model = noise_model
        if noise_model is None:
            from qiskit_aer.noise import NoiseModel

            self._noise_model = NoiseModel.from_backend(backend, thermal_relaxation=False)

    @property
    def noise_model(self) -> Any:
        """The noise of ``noisy_sim``."""
        return self._noise_model

    @noise_model.setter
    def noise_model(self, value: Any) -> None:
        self._noise_model = value

    def backend(self) -> BackendV2:
        """Return the device."""
        return self._backend

    def to_clifford(self, pubs: Sequence[Any]) -> list[EstimatorPub]:
        """Return the PUBs with circuits whose angles are rounded to multiples of pi/2.

        Args:
            pubs: PUBs of an estimator, of circuits transpiled for the device.

        Raises:
            ValueError: A circuit has an instruction that is none of such a device's; it is named.
        """
        passes = PassManager([ConvertISAToClifford()])
        return [
            EstimatorPub(
                passes.run(pub.circuit), pub.observables, pub.parameter_values, pub.precision, validate=False
            )
            for pub in map(EstimatorPub.coerce, pubs)
        ]

    def ideal_sim(
        self,
        pubs: Sequence[Any],
        cliffordize: bool = False,
        seed_simulator: int | None = None,
        precision: float = 0,
    ) -> NeatResult:
        """Simulate without noise.

        Args:
            pubs: PUBs of an estimator.
            cliffordize: Whether to round their angles first, as ``to_clifford`` does.
            seed_simulator: Seed of the simulator.
            precision: Standard deviation of the expectation values; 0 for exact ones.

        Raises:
            ValueError: A circuit is no Clifford circuit, or has rx or rzz gates, of whatever angles.
        """
        return self._simulate(pubs, cliffordize, None, seed_simulator, precision)

    def noisy_sim(
        self,
        pubs: Sequence[Any],
        cliffordize: bool = False,
        seed_simulator: int | None = None,
        precision: float = 0,
    ) -> NeatResult:
        """Simulate with noise.

        Args:
            pubs: As for ``ideal_sim``, like the others.
            cliffordize: Whether to round their angles first.
            seed_simulator: Seed of the simulator.
            precision: Standard deviation of the expectation values; 0 leaves the number of shots to Aer.

        Raises:
            ValueError: A circuit is no Clifford circuit, or has rx or rzz gates, of whatever angles.
        """
        return self._simulate(pubs, cliffordize, self._noise_model, seed_simulator, precision)

    def _simulate(
        self, pubs: Sequence[Any], cliffordize: bool, noise: Any, seed: int | None, precision: float
    ) -> NeatResult:
        from qiskit_aer.primitives import EstimatorV2 as AerEstimator

        simulator = {"method": "stabilizer", "noise_model": noise, "seed_simulator": seed}
        estimator = AerEstimator(options={"backend_options": simulator, "default_precision": precision})
        chosen = self.to_clifford(pubs) if cliffordize else [EstimatorPub.coerce(pub) for pub in pubs]
        try:
            result = estimator.run(chosen).result()
        except QiskitError as cause:
            if "invalid parameters" in str(cause):
                raise IBMInputValueError(
                    "A circuit is no Clifford circuit: pass cliffordize=True, or what to_clifford makes of the PUBs. If it "
                    "has rx or rzz gates, transpile it without fractional gates: Aer's stabilizer method takes none."
                ) from cause
            raise
        return NeatResult(NeatPubResult(pub.data.evs) for pub in result)

    @even_half_made
    def __repr__(self) -> str:
        return f'Neat(backend="{self._backend.name}")'
