"""Backends and the documents that describe them."""

from typing import TYPE_CHECKING

from .._doors import door

if TYPE_CHECKING:
    from .documents import BackendConfiguration as BackendConfiguration
    from .documents import BackendProperties as BackendProperties
    from .documents import BackendStatus as BackendStatus
    from .entries import GateConfig as GateConfig
    from .entries import GateProperties as GateProperties
    from .entries import Nduv as Nduv
    from .entries import UchannelLO as UchannelLO

    QasmBackendConfiguration = BackendConfiguration

__all__, __getattr__, __dir__ = door(
    __name__,
    {
        "models.documents": (
            "BackendConfiguration BackendProperties BackendStatus "
            "QasmBackendConfiguration=BackendConfiguration"
        ),
        "models.entries": "GateConfig GateProperties Nduv UchannelLO",
    },
    modules="exceptions",
    files={
        "backend_configuration": "BackendConfiguration GateConfig QasmBackendConfiguration UchannelLO",
        "backend_properties": "BackendProperties GateProperties Nduv",
        "backend_status": "BackendStatus",
    },
)
