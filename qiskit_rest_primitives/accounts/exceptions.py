"""Exceptions of accounts."""

from typing import TYPE_CHECKING

from .._doors import door

if TYPE_CHECKING:
    from ..exceptions import AccountAlreadyExistsError as AccountAlreadyExistsError
    from ..exceptions import AccountNotFoundError as AccountNotFoundError
    from ..exceptions import AccountsError as AccountsError
    from ..exceptions import CloudResourceNameResolutionError as CloudResourceNameResolutionError
    from ..exceptions import IBMAccountError as IBMAccountError
    from ..exceptions import InvalidAccountError as InvalidAccountError

__all__, __getattr__, __dir__ = door(
    __name__,
    {
        "exceptions": (
            "AccountAlreadyExistsError AccountNotFoundError AccountsError CloudResourceNameResolutionError "
            "IBMAccountError InvalidAccountError"
        )
    },
)
