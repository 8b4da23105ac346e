"""Exceptions of the documents about backends."""

from typing import TYPE_CHECKING

from .._doors import door

if TYPE_CHECKING:
    from .documents import BackendConfigurationError as BackendConfigurationError
    from .documents import BackendPropertyError as BackendPropertyError

__all__, __getattr__, __dir__ = door(
    __name__, {"models.documents": "BackendConfigurationError BackendPropertyError"}
)
