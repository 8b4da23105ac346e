"""Passes for circuits of such devices."""

from typing import TYPE_CHECKING

from ..._doors import door

if TYPE_CHECKING:
    from .basis import ConvertIdToDelay as ConvertIdToDelay
    from .basis import ConvertToMidCircuitMeasure as ConvertToMidCircuitMeasure
    from .basis import ConvertToMidCircuitResetAndMeasure as ConvertToMidCircuitResetAndMeasure
    from .basis import FoldRzzAngle as FoldRzzAngle
    from .cliffordization import ConvertISAToClifford as ConvertISAToClifford

__all__, __getattr__, __dir__ = door(
    __name__,
    {
        "transpiler.passes.basis": "ConvertIdToDelay ConvertToMidCircuitMeasure ConvertToMidCircuitResetAndMeasure FoldRzzAngle",
        "transpiler.passes.cliffordization": "ConvertISAToClifford",
    },
    modules="basis cliffordization scheduling",
    files={
        "basis.convert_id_to_delay": "ConvertIdToDelay",
        "basis.convert_mid_circ_meas": "ConvertToMidCircuitMeasure ConvertToMidCircuitResetAndMeasure",
        "basis.fold_rzz_angle": "FoldRzzAngle transpiler.rzz:convert_to_rzz_valid_pub",
        "cliffordization.convert_isa_to_clifford": "ConvertISAToClifford",
    },
    lent={"transpiler.passes.scheduling": "ASAPScheduleAnalysis PadDelay PadDynamicalDecoupling"},
)
