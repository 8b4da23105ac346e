"""Exceptions of requests."""

from typing import TYPE_CHECKING

from .._doors import door

if TYPE_CHECKING:
    from ..exceptions import ApiError as ApiError
    from ..exceptions import ApiIBMProtocolError as ApiIBMProtocolError
    from ..exceptions import AuthenticationLicenseError as AuthenticationLicenseError
    from ..exceptions import IBMError as IBMError
    from ..exceptions import RequestsApiError as RequestsApiError
    from ..exceptions import UserTimeoutExceededError as UserTimeoutExceededError

__all__, __getattr__, __dir__ = door(
    __name__,
    {
        "exceptions": (
            "ApiError ApiIBMProtocolError AuthenticationLicenseError IBMError RequestsApiError "
            "UserTimeoutExceededError"
        )
    },
)
