"""Refusals of a sign-in."""

from typing import assert_never

from doorward_auth.password_check.errors import AccountDisabledError, EmailNotVerifiedError
from doorward_auth.sign_in.steps import Needs, Refusal, Refused, Step
from doorward_client.errors import DoorwardError


class PasswordChangeRequiredError(DoorwardError):
    """403, only after the right password, which an administrator has set.

    The problem document carries `sign_in_token` and its lifetime in seconds, `expires_in`.
    """

    status = 403
    code = "password_change_required"
    detail = "Choose a new password: send it with `sign_in_token` to `POST /token`."

    def __init__(self, sign_in_token: str, *, expires_in: int) -> None:
        super().__init__()
        self.extensions = {"sign_in_token": sign_in_token, "expires_in": expires_in}


class InvalidSignInTokenError(DoorwardError):
    """401 for every sign-in token that is unknown, used, expired, or of an account that has changed."""

    status = 401
    code = "invalid_sign_in_token"
    detail = "The sign-in has expired or was finished. Log in again."
    oauth_error = "invalid_grant"


class UnsupportedGrantTypeError(DoorwardError):
    """400 for an unknown grant type (RFC 6749 section 5.2)."""

    status = 400
    code = "unsupported_grant_type"
    detail = "This endpoint does not support the grant type."
    oauth_error = "unsupported_grant_type"


def refusal_error(refused: Refused) -> DoorwardError:
    """Return the error for an account that may not sign in."""
    match refused.reason:
        case Refusal.ACCOUNT_DISABLED:
            return AccountDisabledError()
        case _:
            assert_never(refused.reason)


def step_error(needs: Needs, sign_in_token: str, *, expires_in: int) -> DoorwardError:
    """Return the error that asks for a further step, with the token that continues the sign-in."""
    match needs.step:
        case Step.EMAIL_CODE:
            return EmailNotVerifiedError(sign_in_token, expires_in=expires_in)
        case Step.NEW_PASSWORD:
            return PasswordChangeRequiredError(sign_in_token, expires_in=expires_in)
        case Step.PASSWORD:
            raise AssertionError("a sign-in is stored after its password")
        case _:
            assert_never(needs.step)
