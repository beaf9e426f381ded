"""Bodies of registration and invitation."""

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from doorward_identity.emails import EmailAddress
from doorward_identity.names import PersonName
from doorward_identity.passwords import NewPassword

_STRICT = ConfigDict(extra="forbid", hide_input_in_errors=True)


class Registration(BaseModel):
    """Somebody who wants an account."""

    model_config = _STRICT

    email: EmailAddress
    password: NewPassword
    name: PersonName


class TokenVerificationService(BaseModel):
    """The code of the mail."""

    model_config = _STRICT

    code: SecretStr = Field(min_length=1, max_length=128)


class Resend(BaseModel):
    """A wish for the mail once more."""

    model_config = _STRICT

    email: str = Field(min_length=1, max_length=320, examples=["ada@example.com"])


class Acceptance(BaseModel):
    """The code of an invitation, and the password that its owner chooses."""

    model_config = _STRICT

    code: SecretStr = Field(min_length=1, max_length=128)
    password: NewPassword
