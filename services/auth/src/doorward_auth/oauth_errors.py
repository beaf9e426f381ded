"""Errors of OAuth requests that several features share (RFC 6749 section 5.2)."""

from doorward_client.errors import DoorwardError


class InvalidRequestError(DoorwardError):
    """400 for a form with a parameter that is missing or comes twice, or with too many."""

    status = 400
    code = "invalid_request"
    detail = "A parameter of the form is missing or comes twice."
    oauth_error = "invalid_request"


class InvalidClientError(DoorwardError):
    """401 for a caller that is not a registered client."""

    status = 401
    code = "invalid_client"
    detail = "Authenticate as a registered client: `Authorization: Basic ...`."
    oauth_error = "invalid_client"

    def __init__(self) -> None:
        super().__init__(headers={"WWW-Authenticate": 'Basic realm="doorward clients"'})


class UnsupportedGrantTypeError(DoorwardError):
    """400 for an unknown grant type."""

    status = 400
    code = "unsupported_grant_type"
    detail = "This endpoint does not support the grant type."
    oauth_error = "unsupported_grant_type"


class InvalidGrantError(DoorwardError):
    """400 for every code and refresh token that is not valid for its client; the log says why."""

    status = 400
    code = "invalid_grant"
    detail = "The code or token is not valid, has expired, or is another client's."
    oauth_error = "invalid_grant"


class UnauthorizedClientError(DoorwardError):
    """400 for a grant type that the client's kind does not have."""

    status = 400
    code = "unauthorized_client"
    detail = "This client may not use the grant type."
    oauth_error = "unauthorized_client"


class InvalidTargetError(DoorwardError):
    """400 for a resource that the client may not get tokens for (RFC 8707 section 2)."""

    status = 400
    code = "invalid_target"
    detail = "The client has no such resource."
    oauth_error = "invalid_target"


class InvalidScopeError(DoorwardError):
    """400 for a scope that is no list, or more than was granted."""

    status = 400
    code = "invalid_scope"
    detail = "The scope is malformed, or more than the client was granted."
    oauth_error = "invalid_scope"
