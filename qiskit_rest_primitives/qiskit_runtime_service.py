"""``QiskitRuntimeService``."""

from .service.service import QiskitRuntimeService
from .service.service import QiskitRuntimeService as IBMQuantumComputeService

__all__ = ["IBMQuantumComputeService", "QiskitRuntimeService"]
