"""Bodies of changing passwords."""

from pydantic import ConfigDict, Field, SecretStr

from doorward_identity.passwords import NewPassword
from doorward_kit.routing import StrictModel


class PasswordChangeRequest(StrictModel):
    """A new password, with the current one: of the access token's user, or of an email address."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "email": "ada@example.com",
                    "current_password": "correct horse battery staple",
                    "new_password": "a new horse for the old battery",
                }
            ]
        }
    )

    email: str | None = Field(
        default=None, min_length=1, max_length=320, description="Without an access token: the account."
    )
    current_password: SecretStr = Field(
        min_length=1, max_length=1024, examples=["correct horse battery staple"]
    )
    new_password: NewPassword
    device_token: SecretStr | None = Field(default=None, max_length=128, description="Of an earlier login.")


class ResetCodeRequest(StrictModel):
    """An address to mail a code to."""

    email: str = Field(min_length=1, max_length=320, examples=["ada@example.com"])


class ResetRequest(StrictModel):
    """A new password, with the mailed code."""

    email: str = Field(min_length=1, max_length=320, examples=["ada@example.com"])
    pin: SecretStr = Field(
        min_length=1,
        max_length=128,
        description="The code of the mail: six digits, or a long one.",
        examples=["123456"],
    )
    new_password: NewPassword
