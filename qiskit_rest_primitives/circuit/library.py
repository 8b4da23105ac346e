"""Instructions that only some devices of the service have, under the names that the official client has for them.

They have no form in OpenQASM 3, so circuits with them travel as QPY.
"""

from __future__ import annotations

from qiskit.circuit import Gate, Instruction

from ..exceptions import IBMInputValueError


class _Named(Instruction):
    """An instruction on one qubit whose name the device decides about, as long as it begins as it should."""

    _prefix: str
    _num_clbits_of_all: int

    def __init__(self, name: str, label: str | None) -> None:
        if not name.startswith(self._prefix):
            raise IBMInputValueError(
                f"A {type(self).__name__} must have a name that starts with {self._prefix!r}, not {name!r}."
            )
        super().__init__(name, 1, self._num_clbits_of_all, [], label=label)


class MidCircuitMeasure(_Named):
    """A measurement in the middle of a circuit, calibrated apart from the one at its end.

    Args:
        name: Its name on the device.
        label: A label.

    Raises:
        ValueError: The name does not start with ``measure_``.
    """

    _prefix, _num_clbits_of_all = "measure_", 1

    def __init__(self, name: str = "measure_2", label: str | None = None) -> None:
        super().__init__(name, label)


class MidCircuitReset(_Named):
    """A reset in the middle of a circuit.

    Args:
        name: Its name on the device.
        label: A label.

    Raises:
        ValueError: The name does not start with ``reset_``.
    """

    _prefix, _num_clbits_of_all = "reset_", 0

    def __init__(self, name: str = "reset_2", label: str | None = None) -> None:
        super().__init__(name, label)


class MeasureReset(_Named):
    """A reset that keeps what it measured: the bit says in which state the qubit was.

    Args:
        name: Its name on the device.
        label: A label.

    Raises:
        ValueError: The name does not start with ``measure_reset``.
    """

    _prefix, _num_clbits_of_all = "measure_reset", 1

    def __init__(self, name: str = "measure_reset", label: str | None = None) -> None:
        super().__init__(name, label)


class XSlowGate(Gate):
    """An x gate by a long pulse."""

    def __init__(self) -> None:
        super().__init__("xslow", 1, [])
