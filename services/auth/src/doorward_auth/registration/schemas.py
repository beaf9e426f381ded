"""Bodies of registration and invitation."""

from pydantic import Field, SecretStr

from doorward_identity.emails import EmailAddress
from doorward_identity.names import PersonName
from doorward_identity.passwords import NewPassword
from doorward_kit.routing import StrictModel


class Registration(StrictModel):
    """Somebody who wants an account."""

    email: EmailAddress
    password: NewPassword
    name: PersonName


class TokenVerificationService(StrictModel):
    """The code of the mail."""

    code: SecretStr = Field(min_length=1, max_length=128)


class Resend(StrictModel):
    """A wish for the mail once more."""

    email: str = Field(min_length=1, max_length=320, examples=["ada@example.com"])


class Acceptance(StrictModel):
    """The code of an invitation, and the password that its owner chooses."""

    code: SecretStr = Field(min_length=1, max_length=128)
    password: NewPassword
