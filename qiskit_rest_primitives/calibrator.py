"""``Calibrator``."""

from typing import TYPE_CHECKING

from ._doors import door

if TYPE_CHECKING:
    from .noise.calibrator import Calibrator as Calibrator

__all__, __getattr__, __dir__ = door(
    __name__, {"noise.calibrator": "Calibrator"}, files={"calibrator": "Calibrator"}
)
