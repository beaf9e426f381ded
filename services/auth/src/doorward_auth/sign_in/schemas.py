"""Bodies of signing in."""

from pydantic import AliasChoices, Field, SecretStr

from doorward_identity.passwords import NewPassword
from doorward_kit.routing import StrictModel


class LoginRequest(StrictModel):
    """A login with email address and password. `username` may stand for `email`, as in the form of OAuth2."""

    email: str = Field(
        validation_alias=AliasChoices("email", "username"),
        min_length=1,
        max_length=320,
        examples=["ada@example.com"],
    )
    password: SecretStr = Field(min_length=1, max_length=1024, examples=["correct horse battery staple"])
    device_token: SecretStr | None = Field(
        default=None,
        max_length=128,
        description="Of an earlier login. A known device is not blocked by what others try.",
    )


class NewPasswordRequest(StrictModel):
    """A new password in place of a temporary one; the sign-in goes on."""

    sign_in_token: SecretStr = Field(
        max_length=128, description="Of the 403 `password_change_required`.", examples=["8Jq..."]
    )
    new_password: NewPassword


class EmailCodeRequest(StrictModel):
    """The code that was mailed to the account's address; the sign-in goes on."""

    sign_in_token: SecretStr = Field(
        max_length=128, description="Of the 403 `email_not_verified`.", examples=["8Jq..."]
    )
    pin: SecretStr = Field(
        min_length=1,
        max_length=128,
        description="The code of the mail: six digits, or a long one.",
        examples=["123456"],
    )


class StepUpRequest(StrictModel):
    """The caller's password, once more."""

    password: SecretStr = Field(min_length=1, max_length=1024, examples=["correct horse battery staple"])
