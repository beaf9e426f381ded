"""Refusals of logging in and refreshing."""

from doorward_client.errors import DoorwardError


class InvalidCredentialsError(DoorwardError):
    """401, in the same words and time for an unknown address and a wrong password."""

    status = 401
    code = "invalid_credentials"
    detail = "The email address or the password is wrong."
    oauth_error = "invalid_grant"


class AccountDisabledError(DoorwardError):
    """403, told only to somebody who knows the password."""

    status = 403
    code = "account_disabled"
    detail = "This account is disabled. An administrator can enable it."


class EmailNotVerifiedError(DoorwardError):
    """403, told only to somebody who knows the password."""

    status = 403
    code = "email_not_verified"
    detail = "This email address has not been verified yet."


class PasswordChangeRequiredError(DoorwardError):
    """403, told only to somebody who knows the password: an administrator chose it."""

    status = 403
    code = "password_change_required"
    detail = "Choose a password of your own first: POST /password with this one and the new one."


class InvalidRefreshTokenError(DoorwardError):
    """401 for every refresh token that does not work; why is told to the log."""

    status = 401
    code = "invalid_refresh_token"
    detail = "The refresh token is not valid or has expired. Log in again."
    oauth_error = "invalid_grant"


class UnsupportedGrantTypeError(DoorwardError):
    """400 for an OAuth2 form that asks for something else than a password login."""

    status = 400
    code = "unsupported_grant_type"
    detail = "This endpoint takes the grant types `password` and `refresh_token`."
    oauth_error = "unsupported_grant_type"
