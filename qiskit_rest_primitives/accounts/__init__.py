"""Saved accounts, the environment, and which of them applies."""

from typing import TYPE_CHECKING

from .._doors import door

if TYPE_CHECKING:
    from ..exceptions import AccountAlreadyExistsError as AccountAlreadyExistsError
    from ..exceptions import AccountNotFoundError as AccountNotFoundError
    from ..exceptions import CloudResourceNameResolutionError as CloudResourceNameResolutionError
    from ..exceptions import InvalidAccountError as InvalidAccountError
    from .account import Account as Account
    from .account import AccountType as AccountType
    from .account import ChannelType as ChannelType
    from .account import PlanType as PlanType
    from .account import RegionType as RegionType
    from .manager import AccountManager as AccountManager

__all__, __getattr__, __dir__ = door(
    __name__,
    {
        "accounts.account": "Account AccountType ChannelType PlanType RegionType",
        "accounts.manager": "AccountManager",
        "exceptions": (
            "AccountAlreadyExistsError AccountNotFoundError CloudResourceNameResolutionError "
            "InvalidAccountError"
        ),
    },
    modules="account exceptions",
    files={"management": "AccountManager"},
)
