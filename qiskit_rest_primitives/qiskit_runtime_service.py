"""``QiskitRuntimeService``."""

from typing import TYPE_CHECKING

from ._doors import door

if TYPE_CHECKING:
    from .service.service import QiskitRuntimeService as QiskitRuntimeService

    IBMQuantumComputeService = QiskitRuntimeService

__all__, __getattr__, __dir__ = door(
    __name__, {"service.service": "IBMQuantumComputeService=QiskitRuntimeService QiskitRuntimeService"}
)
