"""Bodies of registration and invitation."""

from pydantic import Field, SecretStr

from doorward_identity.emails import EmailAddress
from doorward_identity.names import PersonName
from doorward_identity.passwords import NewPassword
from doorward_kit.routing import StrictModel


class RegistrationRequest(StrictModel):
    """A registration."""

    email: EmailAddress
    password: NewPassword
    name: PersonName


class VerificationRequest(StrictModel):
    """The code of the verification mail."""

    code: SecretStr = Field(min_length=1, max_length=128)


class ResendRequest(StrictModel):
    """An address whose verification mail is to be sent again."""

    email: str = Field(min_length=1, max_length=320, examples=["ada@example.com"])


class InvitationAcceptRequest(StrictModel):
    """The code of an invitation, and the password of the new user."""

    code: SecretStr = Field(min_length=1, max_length=128)
    password: NewPassword
