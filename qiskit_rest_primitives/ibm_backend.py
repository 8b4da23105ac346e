"""``IBMBackend``."""

from qiskit.providers.backend import BackendV2 as Backend

from .models.backend import IBMBackend

__all__ = ["Backend", "IBMBackend"]
