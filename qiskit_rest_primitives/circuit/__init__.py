"""Instructions that only some devices have."""

from typing import TYPE_CHECKING

from .._doors import door

if TYPE_CHECKING:
    from .library import MeasureReset as MeasureReset
    from .library import MidCircuitMeasure as MidCircuitMeasure
    from .library import MidCircuitReset as MidCircuitReset
    from .library import XSlowGate as XSlowGate

__all__, __getattr__, __dir__ = door(
    __name__,
    {"circuit.library": "MeasureReset MidCircuitMeasure MidCircuitReset XSlowGate"},
    modules="library",
    files={
        "library.mid_circuit_measure": "MeasureReset MidCircuitMeasure MidCircuitReset",
        "library.xslow": "XSlowGate",
    },
)
