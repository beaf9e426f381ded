"""Errors of logins at an upstream's own pages."""

from doorward_client.errors import DoorwardError


class RedirectUriNotAllowedError(DoorwardError):
    """422: the upstream's settings do not name this URL."""

    status = 422
    code = "redirect_uri_not_allowed"
    detail = "This `redirect_uri` is not among the `redirect_uris` of the upstream's settings."


class InvalidAuthorizationError(DoorwardError):
    """400 in the browser: the login is unknown, has expired, or has returned before."""

    status = 400
    code = "invalid_authorization"
    detail = "This login has expired or was finished. Begin again in the application."


class InvalidAuthorizationCodeError(DoorwardError):
    """401 for every one-time code that is unknown, used, expired, or comes with another verifier."""

    status = 401
    code = "invalid_authorization_code"
    detail = "The code is not valid or was used. Begin the login again."
    oauth_error = "invalid_grant"
