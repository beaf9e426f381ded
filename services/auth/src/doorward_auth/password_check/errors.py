"""Errors of a password, and of an account behind a right one."""

from doorward_client.errors import DoorwardError


class InvalidCredentialsError(DoorwardError):
    """401, in the same words and time for an unknown address and a wrong password."""

    status = 401
    code = "invalid_credentials"
    detail = "The email address or the password is wrong."
    oauth_error = "invalid_grant"


class EmailNotVerifiedError(DoorwardError):
    """403, only after the right password, for an address that an administrator has set.

    At a login the problem document carries `sign_in_token` and its lifetime in seconds, `expires_in`, and
    a code is mailed to the address.
    """

    status = 403
    code = "email_not_verified"
    detail = (
        "This email address is not verified yet. Log in, and send the code that is mailed to the address,"
        " with `sign_in_token`, to `POST /token`."
    )
    oauth_error = "invalid_grant"

    def __init__(self, sign_in_token: str | None = None, *, expires_in: int = 0) -> None:
        super().__init__()
        if sign_in_token is not None:
            self.extensions = {"sign_in_token": sign_in_token, "expires_in": expires_in}


class AccountDisabledError(DoorwardError):
    """403, only after the right password."""

    status = 403
    code = "account_disabled"
    detail = "This account is disabled. An administrator can enable it."
    oauth_error = "invalid_grant"
