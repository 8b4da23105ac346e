"""The translation stages of Qiskit's transpiler for backends of a service, found by their entry points."""

from __future__ import annotations

from typing import ClassVar

from qiskit.transpiler import PassManager, PassManagerConfig
from qiskit.transpiler.preset_passmanagers.common import generate_translation_passmanager
from qiskit.transpiler.preset_passmanagers.plugin import PassManagerStagePlugin

from .passes.basis import ConvertIdToDelay, FoldRzzAngle


class TranslationStage(PassManagerStagePlugin):
    """Qiskit's translation, before which identity gates become delays where the device has none."""

    _keeps_identities: ClassVar[bool] = True
    _folds_angles: ClassVar[bool] = False

    def pass_manager(
        self, pass_manager_config: PassManagerConfig, optimization_level: int | None = None
    ) -> PassManager:
        """Return the passes of the stage.

        Args:
            pass_manager_config: What is transpiled for.
            optimization_level: Has no influence.
        """
        del optimization_level
        given = pass_manager_config
        gates = (given.basis_gates if given.target is None else given.target) or ()
        kept = self._keeps_identities and "id" in gates
        stage = PassManager()
        if given.instruction_durations and not kept:
            stage += PassManager([ConvertIdToDelay(given.instruction_durations)])
        stage += generate_translation_passmanager(
            target=given.target,
            basis_gates=given.basis_gates,
            approximation_degree=given.approximation_degree,
            coupling_map=given.coupling_map,
            unitary_synthesis_method=given.unitary_synthesis_method,
            unitary_synthesis_plugin_config=given.unitary_synthesis_plugin_config,
            hls_config=given.hls_config,
        )
        if self._folds_angles and "rzz" in gates:
            stage += PassManager([FoldRzzAngle()])
        return stage


class IdleTranslationStage(TranslationStage):
    """The stage of the name ``ibm_backend``: identity gates become delays even where the device has them."""

    _keeps_identities = False


class FractionalTranslationStage(TranslationStage):
    """The stage for fractional gates, which also brings the angles of rzz gates into the device's range."""

    _folds_angles = True
