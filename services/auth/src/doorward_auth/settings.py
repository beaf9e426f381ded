"""Settings of the auth service."""

import time
from enum import StrEnum
from typing import Final, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from doorward_auth.captcha.settings import CaptchaSettings
from doorward_auth.events.settings import EventSettings
from doorward_auth.service_clients.registry import ClientRegistry
from doorward_auth.upstream_adapters.settings.upstreams import UpstreamSettings
from doorward_auth.vault.settings import VaultSettings
from doorward_client.keys.key_set import KeySet
from doorward_identity.settings import IdentitySettings
from doorward_mail.settings import MailSettings

_DAY: Final = 86_400


class RegistrationPolicy(StrEnum):
    """Who may register."""

    CLOSED = "closed"
    OPEN = "open"
    DOMAINS = "domains"


class AuthSettings(
    UpstreamSettings, VaultSettings, CaptchaSettings, EventSettings, MailSettings, IdentitySettings
):
    """Settings of the auth service, on top of those of every service."""

    # Verifiers poll this service in turn: both polls together stay within the two seconds.
    revocation_poll_seconds: float = Field(
        default=0.5, gt=0, le=60, description="Interval at which the revocation list is polled."
    )
    refresh_idle_seconds: int = Field(
        default=14 * _DAY, ge=60, description="A session ends if it is not refreshed for this long."
    )
    refresh_absolute_seconds: int = Field(
        default=90 * _DAY, ge=60, description="A session ends this long after its login."
    )
    refresh_grace_seconds: int = Field(
        default=60,
        ge=0,
        le=3_600,
        description="How long a refresh token may be repeated if the answer was lost, unless the token of the"
        " answer was used.",
    )
    max_sessions: int = Field(
        default=100,
        ge=1,
        le=1_000,
        description="Live sessions of a user; one more ends the least recently used.",
    )
    registration: RegistrationPolicy = Field(
        default=RegistrationPolicy.CLOSED,
        description="Who may register: `closed` (invited users only), `open` (everyone), or `domains`"
        " (addresses of `DOORWARD_REGISTRATION_DOMAINS`).",
    )
    frontend_url: str | None = Field(
        default=None,
        pattern=r"^https?://[^?#\s]+[^/?#\s]$",
        description="URL of your application, for links in mails: `/verify-email?code=` and"
        " `/accept-invitation?code=` are appended. Unset: mails contain the code without a link.",
    )
    oauth_clients: SecretStr | None = Field(
        default=None,
        description='Service clients: a JSON object of ids and secrets: `{"tickets": "..."}`. A secret has 32'
        " bytes or more; a list of two replaces one by the other.",
    )

    @field_validator("oauth_clients")
    @classmethod
    def _usable_clients(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            ClientRegistry.parse(value.get_secret_value())
        return value

    def key_problem(self, key_set: KeySet) -> str | None:
        """Return what a key set lacks for this service, or None."""
        if key_set.signing_key(time.time()) is None:
            return (
                "has no active signing key, which auth needs: set DOORWARD_SECRET_KEY, or DOORWARD_JWKS_FILE"
                " with an active private key"
            )
        return super().key_problem(key_set)

    @model_validator(mode="after")
    def _domains_go_with_their_policy(self) -> Self:
        if (self.registration is RegistrationPolicy.DOMAINS) != bool(self.registration_domains):
            raise ValueError(
                "DOORWARD_REGISTRATION=domains and DOORWARD_REGISTRATION_DOMAINS go together: one is set"
            )
        return self

    def client_registry(self) -> ClientRegistry:
        """Return the service clients: none unless they are set."""
        text = self.oauth_clients.get_secret_value() if self.oauth_clients else "{}"
        return ClientRegistry.parse(text)
