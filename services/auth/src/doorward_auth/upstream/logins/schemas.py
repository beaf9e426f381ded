"""Bodies of logging in and registering at an upstream."""

from typing import Annotated

from pydantic import Field, SecretStr, StringConstraints

from doorward_identity.emails import EmailAddress
from doorward_identity.names import PersonName
from doorward_kit.routing import StrictModel

MAX_PASSWORD_LENGTH = 1_024

Username = Annotated[str, StringConstraints(min_length=1, max_length=254, pattern=r"^[^\x00-\x1f\x7f]+$")]
UpstreamPassword = Annotated[
    SecretStr, Field(min_length=1, max_length=MAX_PASSWORD_LENGTH, examples=["correct horse battery staple"])
]
"""A password that the upstream judges: our rules are not its own."""


class UpstreamLoginRequest(StrictModel):
    """The credentials of an account at the upstream: `email` or `username`, as the upstream wants."""

    email: str | None = Field(default=None, min_length=1, max_length=320, examples=["ada@example.com"])
    username: Username | None = None
    password: UpstreamPassword
    device_token: SecretStr | None = Field(
        default=None, max_length=128, description="Of an earlier login on this device."
    )


class UpstreamRegistrationRequest(StrictModel):
    """An account to create at the upstream, and here."""

    email: EmailAddress
    password: UpstreamPassword
    name: PersonName | None = Field(default=None, description="Without one: the first word of the address.")
    username: Username | None = Field(default=None, description="For upstreams whose users log in by it.")
