"""``IBMBackend``."""

from typing import TYPE_CHECKING

from ._doors import door

if TYPE_CHECKING:
    from qiskit.providers.backend import BackendV2

    from .models.backend import IBMBackend as IBMBackend

    Backend = BackendV2

__all__, __getattr__, __dir__ = door(
    __name__, {"models.backend": "IBMBackend", "qiskit.providers.backend": "Backend=BackendV2"}
)
