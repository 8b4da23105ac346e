"""Exceptions of requests."""

from ..exceptions import (
    ApiError,
    ApiIBMProtocolError,
    AuthenticationLicenseError,
    IBMError,
    RequestsApiError,
    UserTimeoutExceededError,
)

__all__ = [
    "ApiError",
    "ApiIBMProtocolError",
    "AuthenticationLicenseError",
    "IBMError",
    "RequestsApiError",
    "UserTimeoutExceededError",
]
