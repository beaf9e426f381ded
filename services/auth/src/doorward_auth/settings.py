"""Settings of the auth service."""

import time
from enum import StrEnum
from typing import Final, Self

from pydantic import Field, model_validator

from doorward_auth.captcha.settings import CaptchaSettings
from doorward_auth.events.settings import EventSettings
from doorward_auth.oidc_settings import OpenIdKeySettings
from doorward_auth.page_settings import PageSettings
from doorward_auth.service_clients.registry import ClientRegistry, ServiceClients
from doorward_auth.upstream_adapters.settings.upstreams import UpstreamSettings
from doorward_auth.vault.settings import VaultSettings
from doorward_client.keys.key_set import KeySet
from doorward_identity.settings import IdentitySettings
from doorward_mail.settings import MailSettings

_DAY: Final = 86_400


class RegistrationPolicy(StrEnum):
    """The people who may register."""

    CLOSED = "closed"
    OPEN = "open"
    DOMAINS = "domains"


class AuthSettings(
    PageSettings,
    OpenIdKeySettings,
    UpstreamSettings,
    VaultSettings,
    CaptchaSettings,
    EventSettings,
    MailSettings,
    IdentitySettings,
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
        description="Live sessions of a user; one more ends the least recently used. Sessions of clients"
        " without `offline_access` are counted apart.",
    )
    registration: RegistrationPolicy = Field(
        default=RegistrationPolicy.CLOSED,
        description="Who may register: `closed` (invited users only), `open` (everyone), or `domains`"
        " (addresses of `DOORWARD_REGISTRATION_DOMAINS`).",
    )
    sso_idle_seconds: int = Field(
        default=_DAY // 2,
        ge=60,
        description="A browser's session at the pages of auth ends if no application uses it for this long."
        " A session that its user asked to remember lives as long as other sessions.",
    )
    sso_absolute_seconds: int = Field(
        default=_DAY, ge=60, description="A browser's session ends this long after its login."
    )
    step_up_max_age_seconds: int = Field(
        default=900,
        ge=60,
        le=_DAY,
        description="Administrators change OAuth clients with a login or `POST /auth/step-up` of at most this"
        " long ago (RFC 9470).",
    )
    frontend_url: str | None = Field(
        default=None,
        pattern=r"^https?://[^?#\s]+[^/?#\s]$",
        description="URL of your application, for links in mails: `/verify-email?code=` and"
        " `/accept-invitation?code=` are appended. Unset: the pages under `/auth/`, or without"
        " `DOORWARD_PUBLIC_URL` the code without a link.",
    )
    oauth_clients: ServiceClients | None = Field(
        default=None,
        description='Service clients: a JSON object of ids and secrets: `{"tickets": "..."}`. A secret has 32'
        " bytes or more. A list of two secrets lets the second replace the first.",
    )

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
        needs_domains = self.registration is RegistrationPolicy.DOMAINS
        if needs_domains and not self.registration_domains:
            raise ValueError(
                "DOORWARD_REGISTRATION_DOMAINS must be set, because DOORWARD_REGISTRATION=domains"
            )
        if self.registration_domains and not needs_domains:
            raise ValueError(
                "DOORWARD_REGISTRATION must be domains, because DOORWARD_REGISTRATION_DOMAINS is set"
            )
        return self

    def link_target(self) -> str | None:
        """Return where links in mails lead: to the team's application, or to the pages of auth."""
        if self.frontend_url is not None:
            return self.frontend_url
        return None if self.public_url is None else f"{self.public_url}/auth"

    def client_registry(self) -> ClientRegistry:
        """Return the service clients: none unless they are set."""
        return ClientRegistry.of_setting(self.oauth_clients)
