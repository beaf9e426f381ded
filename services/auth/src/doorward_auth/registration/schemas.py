"""Bodies of registration and invitation."""

from pydantic import BaseModel, Field, SecretStr

from doorward_identity.emails import EmailAddress
from doorward_identity.names import PersonName
from doorward_identity.passwords import NewPassword
from doorward_kit.routing import StrictModel


class RegistrationRequest(StrictModel):
    """A registration."""

    email: EmailAddress
    password: NewPassword
    name: PersonName | None = Field(default=None, description="Without one: the first word of the address.")


class RegistrationResponse(BaseModel):
    """The same whether or not the address has an account."""

    detail: str
    registration_token: str = Field(
        description="Send it with the code of the mail, for this registration's password to apply."
    )


class VerificationRequest(StrictModel):
    """The code of the mail, with what tells the caller's password: its registration, or the password."""

    code: SecretStr = Field(min_length=1, max_length=128, examples=["123456"])
    registration_token: SecretStr | None = Field(
        default=None, max_length=128, description="Of the caller's own registration."
    )
    password: NewPassword | None = Field(
        default=None, description="Instead of `registration_token`, as on another device."
    )
    name: PersonName | None = Field(
        default=None, description="With `password`. Without one: the first word of the address."
    )


class ResendRequest(StrictModel):
    """An address whose verification mail is to be sent again."""

    email: str = Field(min_length=1, max_length=320, examples=["ada@example.com"])


class InvitationAcceptRequest(StrictModel):
    """The code of an invitation, and the password of the new user."""

    code: SecretStr = Field(min_length=1, max_length=128, examples=["123456"])
    password: NewPassword
