"""Translation stages under the official client's names."""

from typing import TYPE_CHECKING

from .._doors import door

if TYPE_CHECKING:
    from .translation import FractionalTranslationStage, IdleTranslationStage, TranslationStage

    IBMDynamicFractionalTranslationPlugin = FractionalTranslationStage
    IBMDynamicTranslationPlugin = TranslationStage
    IBMTranslationPlugin = IdleTranslationStage

__all__, __getattr__, __dir__ = door(
    __name__,
    {
        "transpiler.translation": (
            "IBMDynamicFractionalTranslationPlugin=FractionalTranslationStage "
            "IBMDynamicTranslationPlugin=TranslationStage IBMTranslationPlugin=IdleTranslationStage"
        )
    },
)
