"""Errors of a sign-in."""

from typing import assert_never

from doorward_auth.password_check.errors import AccountDisabledError, EmailNotVerifiedError
from doorward_auth.sign_in.steps import DenialReason, Denied, Step, StepRequired
from doorward_client.errors import DoorwardError


class PasswordChangeRequiredError(DoorwardError):
    """403, only after the right password, which an administrator has set.

    The problem document carries `sign_in_token` and its lifetime in seconds, `expires_in`.
    """

    status = 403
    code = "password_change_required"
    detail = "Choose a new password: send it with `sign_in_token` to `POST /token`."
    oauth_error = "invalid_grant"

    def __init__(self, sign_in_token: str, *, expires_in: int) -> None:
        super().__init__()
        self.extensions = {"sign_in_token": sign_in_token, "expires_in": expires_in}


class StepUpByClientError(DoorwardError):
    """403: the session is of a registered client, whose tokens say what its user has granted it.

    Such a client gets no password of its users (ASVS 10.4.4), and asks for a recent login otherwise.
    """

    status = 403
    code = "step_up_by_client"
    detail = (
        "An application has opened this session. It asks for a recent login at the authorization endpoint,"
        " with `max_age` or `prompt=login`."
    )


class InvalidSignInTokenError(DoorwardError):
    """401 for every sign-in token that is unknown, used, expired, or of an account that has changed."""

    status = 401
    code = "invalid_sign_in_token"
    detail = "The sign-in has expired or was finished. Log in again."
    oauth_error = "invalid_grant"


def denial_error(denied: Denied) -> DoorwardError:
    """Return the error for an account that may not sign in."""
    match denied.reason:
        case DenialReason.ACCOUNT_DISABLED:
            return AccountDisabledError()
        case _:
            assert_never(denied.reason)


def step_error(required: StepRequired, sign_in_token: str, *, expires_in: int) -> DoorwardError:
    """Return the error that asks for a further step, with the token that continues the sign-in."""
    match required.step:
        case Step.EMAIL_CODE:
            return EmailNotVerifiedError(sign_in_token, expires_in=expires_in)
        case Step.NEW_PASSWORD:
            return PasswordChangeRequiredError(sign_in_token, expires_in=expires_in)
        case Step.PASSWORD:
            raise AssertionError("a sign-in is stored after its password")
        case _:
            assert_never(required.step)
