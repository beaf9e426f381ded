"""Bodies of changing an address."""

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from doorward_identity.emails import EmailAddress

_STRICT = ConfigDict(extra="forbid", hide_input_in_errors=True)


class EmailChange(BaseModel):
    """The wish for another address, of somebody who knows the password."""

    model_config = _STRICT

    email: EmailAddress
    password: SecretStr = Field(min_length=1, max_length=1024)


class EmailConfirmation(BaseModel):
    """The code that was mailed to the new address."""

    model_config = _STRICT

    pin: SecretStr = Field(min_length=1, max_length=32)
