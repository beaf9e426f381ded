"""The forms of signing in: those of the API, with a choice of the browser's."""

from typing import Literal

from doorward_auth.sign_in.schemas import EmailCodeRequest, LoginRequest, NewPasswordRequest

REMEMBER = "remember"
"""A box: a browser sends `on`, and nothing if it is not ticked."""

Ticked = Literal["on"]


class LoginForm(LoginRequest):
    """The password."""

    remember: Ticked | None = None


class EmailCodeForm(EmailCodeRequest):
    """The code of the mail."""

    remember: Ticked | None = None


class NewPasswordForm(NewPasswordRequest):
    """A new password in place of a temporary one."""

    remember: Ticked | None = None
