"""Logins at a hand-written OpenID provider."""

import dataclasses
from typing import Any

import pytest

from doorward_auth.upstream_adapters.base import (
    AuthorizationCallback,
    PendingAuthorization,
    UpstreamError,
    UpstreamLogin,
)
from doorward_auth.upstream_adapters.oidc import OidcAdapter
from support.openid_provider import CLIENT_ID, OpenIdProvider
from unit.auth.upstream.adapters import adapter_of

REDIRECT = "https://app.example.com/callback"


class Clock:
    """The time by which cached documents age."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def adapter(provider: OpenIdProvider, clock: Clock | None = None, **changes: Any) -> OidcAdapter:
    settings = {"adapter": "oidc", "issuer": provider.issuer, "client_id": CLIENT_ID, **changes}
    if not any(name.startswith("client_secret_") for name in changes):
        settings["token_auth_method"] = "none"
    made = adapter_of(settings)
    assert isinstance(made, OidcAdapter)
    if clock:
        made._discovery._clock = clock
    return made


def response_to(request: PendingAuthorization, **changes: Any) -> AuthorizationCallback:
    made = AuthorizationCallback("code-1", REDIRECT, request.code_verifier, request.nonce)
    return dataclasses.replace(made, **changes)


async def log_in(oidc: OidcAdapter, provider: OpenIdProvider, **changes: Any) -> UpstreamLogin:
    request = await oidc.begin(REDIRECT)
    provider.nonce = request.nonce or ""
    return await oidc.exchange(response_to(request, **changes))


async def rejection(oidc: OidcAdapter, provider: OpenIdProvider, **changes: Any) -> UpstreamError:
    with pytest.raises(UpstreamError) as rejected:
        await log_in(oidc, provider, **changes)
    return rejected.value
