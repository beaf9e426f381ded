"""Bodies of changing an address."""

from pydantic import Field, SecretStr

from doorward_identity.emails import EmailAddress
from doorward_kit.routing import StrictModel


class EmailChange(StrictModel):
    """The wish for another address, of somebody who knows the password."""

    email: EmailAddress
    password: SecretStr = Field(min_length=1, max_length=1024)


class EmailConfirmation(StrictModel):
    """The code that was mailed to the new address."""

    pin: SecretStr = Field(min_length=1, max_length=32)
