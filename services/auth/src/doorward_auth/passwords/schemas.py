"""Bodies of changing passwords."""

from pydantic import BaseModel, Field, SecretStr

from doorward_identity.passwords import NewPassword
from doorward_kit.routing import StrictModel


class PasswordChange(StrictModel):
    """A change by somebody who knows the password: with an access token, or with the address."""

    email: str | None = Field(
        default=None, min_length=1, max_length=320, description="Without an access token: whose it is."
    )
    current_password: SecretStr = Field(min_length=1, max_length=1024)
    new_password: NewPassword
    device_token: SecretStr | None = Field(default=None, max_length=128, description="Of an earlier login.")


class ResetRequest(StrictModel):
    """A wish for a code by mail."""

    email: str = Field(min_length=1, max_length=320, examples=["ada@example.com"])


class Reset(StrictModel):
    """A new password, chosen with the code."""

    email: str = Field(min_length=1, max_length=320, examples=["ada@example.com"])
    pin: SecretStr = Field(min_length=1, max_length=32, description="The six digits of the mail.")
    new_password: NewPassword


class ResetDone(BaseModel):
    """What the device gets that the code was entered on."""

    device_token: str = Field(description="To send with the next login: strangers cannot slow it down.")


class Accepted(BaseModel):
    """The answer to whatever address: if there is something to do, a mail will come."""

    detail: str = Field(examples=["If the address is known, a mail is on its way."])
