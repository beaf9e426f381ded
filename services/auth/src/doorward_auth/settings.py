"""Settings of the auth service."""

from typing import Final, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from doorward_auth.clients.registry import ClientRegistry
from doorward_identity.settings import IdentitySettings

_DAY: Final = 86_400


class AuthSettings(IdentitySettings):
    """What the auth service needs to know besides what every service does."""

    # Others may learn from here, a poll later: together they stay within the two seconds.
    revocation_poll_seconds: float = Field(
        default=0.5, gt=0, le=60, description="How often the list of revoked tokens is brought up to date."
    )
    refresh_idle_seconds: int = Field(
        default=14 * _DAY, ge=60, description="A session ends when it was not refreshed for this long."
    )
    refresh_absolute_seconds: int = Field(
        default=90 * _DAY, ge=60, description="A session ends this long after its login."
    )
    refresh_grace_seconds: int = Field(
        default=10, ge=0, le=60, description="How long a refresh that was just used may be repeated."
    )
    service_clients: SecretStr | None = Field(
        default=None,
        description="Services that may ask about tokens: a JSON object of their ids and secrets, each a text"
        ' of 32 bytes or more or a list of two while one replaces the other: `{"tickets": "..."}`.',
    )

    @field_validator("service_clients")
    @classmethod
    def _usable_clients(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            ClientRegistry.parse(value.get_secret_value())
        return value

    @model_validator(mode="after")
    def _can_sign(self) -> Self:
        if not self.key_ring().can_sign:
            raise ValueError(
                "the auth service needs a key that signs now: DOORWARD_SECRET_KEY, or DOORWARD_KEY_SET_FILE"
                " with a private key that is active"
            )
        return self

    def client_registry(self) -> ClientRegistry:
        """Return the registered clients: none unless they are set."""
        text = self.service_clients.get_secret_value() if self.service_clients else "{}"
        return ClientRegistry.parse(text)
