"""``ProxyConfiguration``."""

from typing import TYPE_CHECKING

from ._doors import door

if TYPE_CHECKING:
    from .accounts.manager import ProxyConfiguration as ProxyConfiguration

__all__, __getattr__, __dir__ = door(
    __name__, {"accounts.manager": "ProxyConfiguration"}, files={"configuration": "ProxyConfiguration"}
)
