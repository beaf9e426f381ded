"""Errors of authorization requests: on a page, or by a redirect to the client."""

from dataclasses import dataclass
from enum import StrEnum

from doorward_client.errors import DoorwardError


class UnknownClientError(DoorwardError):
    """400, on a page: nothing is known that the browser could be sent to."""

    status = 400
    code = "unknown_client"
    detail = "The application that sent you here is not registered, or it is disabled. Tell its operator."
    oauth_error = "invalid_client"


class UnregisteredRedirectError(DoorwardError):
    """400, on a page: an unregistered redirect URI could be anyone's (RFC 9700 section 4.1.3)."""

    status = 400
    code = "unregistered_redirect_uri"
    detail = "The redirect address in the application's request is not registered for it."
    oauth_error = "invalid_request"


class RequestTooLongError(DoorwardError):
    """414, on a page: a page that carries it has a URL of over 8,000 bytes, or `state` is over 2 KiB."""

    status = 414
    code = "authorization_request_too_long"
    detail = "The request of the application is too long."
    oauth_error = "invalid_request"


class ClientNotAllowedError(DoorwardError):
    """403, on a page: the application is for groups that the user is in none of.

    The page offers another account, which goes on with the request.
    """

    status = 403
    code = "client_not_allowed"
    detail = "Your account may not use this application."
    oauth_error = "access_denied"

    def __init__(self, client_name: str, continuation: str) -> None:
        super().__init__(f"Your account may not use {client_name}.")
        self.extensions = {"client": client_name, "continue": continuation}


class AuthorizationError(StrEnum):
    """Error codes for clients (RFC 6749 section 4.1.2.1, OpenID Connect Core section 3.1.2.6, RFC 8707)."""

    INVALID_REQUEST = "invalid_request"
    UNAUTHORIZED_CLIENT = "unauthorized_client"
    ACCESS_DENIED = "access_denied"
    UNSUPPORTED_RESPONSE_TYPE = "unsupported_response_type"
    INVALID_SCOPE = "invalid_scope"
    INVALID_TARGET = "invalid_target"
    TEMPORARILY_UNAVAILABLE = "temporarily_unavailable"
    LOGIN_REQUIRED = "login_required"
    CONSENT_REQUIRED = "consent_required"
    REQUEST_NOT_SUPPORTED = "request_not_supported"
    REQUEST_URI_NOT_SUPPORTED = "request_uri_not_supported"
    REGISTRATION_NOT_SUPPORTED = "registration_not_supported"


@dataclass(frozen=True, slots=True)
class ErrorResponse:
    """RFC 6749 section 4.1.2.1: an error that the client gets by a redirect."""

    error: AuthorizationError
    description: str
