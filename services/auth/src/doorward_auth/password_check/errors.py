"""Refusals of a password, and of an account behind a right one."""

from doorward_client.errors import DoorwardError


class InvalidCredentialsError(DoorwardError):
    """401, in the same words and time for an unknown address and a wrong password."""

    status = 401
    code = "invalid_credentials"
    detail = "The email address or the password is wrong."
    oauth_error = "invalid_grant"


class EmailNotVerifiedError(DoorwardError):
    """403, only after the right password."""

    status = 403
    code = "email_not_verified"
    detail = "This email address has not been verified yet."


class AccountDisabledError(DoorwardError):
    """403, only after the right password."""

    status = 403
    code = "account_disabled"
    detail = "This account is disabled. An administrator can enable it."
