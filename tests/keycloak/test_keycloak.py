"""The adapter of oidc upstreams with a real Keycloak: login, claims, refreshes, replays, revocation."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from doorward_auth.upstream.providers import create_adapter
from doorward_auth.upstream_adapters.base import (
    AuthorizationCallback,
    InvalidGrantError,
    MisconfiguredError,
    PendingAuthorization,
    UnverifiedIdentityError,
    UpstreamLogin,
)
from doorward_auth.upstream_adapters.oidc import OidcAdapter
from doorward_auth.upstream_adapters.settings.upstreams import parse_providers
from keycloak.server import (
    CLIENT_SECRET,
    REDIRECT_URI,
    USERNAME,
    WITHOUT_GROUPS,
    Keycloak,
    log_in,
)


def adapter_of(keycloak: Keycloak, folder: Path, *, secret: str = CLIENT_SECRET) -> OidcAdapter:
    settings = keycloak.upstream_settings(folder, secret)
    adapter = create_adapter("kc", parse_providers(json.dumps({"kc": settings}))["kc"])
    assert isinstance(adapter, OidcAdapter)
    return adapter


@pytest.fixture
async def adapter(keycloak: Keycloak, tmp_path: Path) -> AsyncIterator[OidcAdapter]:
    made = adapter_of(keycloak, tmp_path)
    yield made
    await made.close()


def response_of(request: PendingAuthorization, answer: dict[str, str]) -> AuthorizationCallback:
    assert answer["state"] == request.state
    return AuthorizationCallback(
        code=answer["code"],
        redirect_uri=REDIRECT_URI,
        code_verifier=request.code_verifier,
        nonce=request.nonce,
        issuer=answer["iss"],
    )


async def logged_in(adapter: OidcAdapter, username: str = USERNAME) -> UpstreamLogin:
    request = await adapter.begin(REDIRECT_URI)
    return await adapter.exchange(response_of(request, await log_in(request.url, username=username)))


async def test_a_login_brings_the_user_the_claims_and_the_lifetimes(adapter: OidcAdapter) -> None:
    login = await logged_in(adapter)
    user, tokens = login.user, login.tokens
    assert (user.username, user.email, user.is_email_verified) == ("ada", "ada@example.com", True)
    assert (user.name, user.role, user.claims) == ("Ada Lovelace", "auditor", {"family_name": "Lovelace"})
    assert tokens.expires_in is not None
    assert tokens.refresh_expires_in is not None
    assert 0 < tokens.expires_in <= 60 < tokens.refresh_expires_in
    assert (await logged_in(adapter)).user.subject == user.subject


async def test_the_claim_of_a_user_without_groups_is_left_out(adapter: OidcAdapter) -> None:
    """So an account that lost its last group at the upstream must lose its role at Doorward."""
    user = (await logged_in(adapter, WITHOUT_GROUPS)).user
    assert (user.role, user.are_groups_missing) == (None, True)


async def test_refresh_tokens_rotate_and_a_replay_ends_the_grant(adapter: OidcAdapter) -> None:
    first = (await logged_in(adapter)).tokens
    assert first.refresh_token is not None
    second = await adapter.refresh(first.refresh_token)
    assert second.refresh_token not in (None, first.refresh_token)
    assert second.access_token != first.access_token
    with pytest.raises(InvalidGrantError):
        await adapter.refresh(first.refresh_token)


async def test_revoked_tokens_are_dead_and_can_be_revoked_again(adapter: OidcAdapter) -> None:
    tokens = (await logged_in(adapter)).tokens
    await adapter.revoke(tokens)
    assert tokens.refresh_token is not None
    with pytest.raises(InvalidGrantError):
        await adapter.refresh(tokens.refresh_token)
    await adapter.revoke(tokens)


async def test_a_code_is_good_once_and_for_its_verifier_alone(adapter: OidcAdapter) -> None:
    request = await adapter.begin(REDIRECT_URI)
    response = response_of(request, await log_in(request.url))
    other = await adapter.begin(REDIRECT_URI)
    stolen = AuthorizationCallback(
        response.code, REDIRECT_URI, other.code_verifier, response.nonce, response.issuer
    )
    with pytest.raises(InvalidGrantError):
        await adapter.exchange(stolen)
    with pytest.raises(InvalidGrantError):
        await adapter.exchange(response)


async def test_the_login_of_another_nonce_is_rejected(adapter: OidcAdapter) -> None:
    request = await adapter.begin(REDIRECT_URI)
    answer = await log_in(request.url)
    other = AuthorizationCallback(
        answer["code"], REDIRECT_URI, request.code_verifier, "another nonce", answer["iss"]
    )
    with pytest.raises(UnverifiedIdentityError) as rejected:
        await adapter.exchange(other)
    assert rejected.value.reason == "wrong_nonce"


async def test_a_response_without_the_issuer_is_rejected_before_the_code_is_sent(
    adapter: OidcAdapter,
) -> None:
    request = await adapter.begin(REDIRECT_URI)
    response = response_of(request, await log_in(request.url))
    for issuer in (None, "https://other.example.com"):
        mixed_up = AuthorizationCallback(
            response.code, REDIRECT_URI, response.code_verifier, response.nonce, issuer
        )
        with pytest.raises(UnverifiedIdentityError):
            await adapter.exchange(mixed_up)
    assert (await adapter.exchange(response)).user.username == "ada"


async def test_a_wrong_client_secret_is_our_fault_and_ends_no_grant(
    keycloak: Keycloak, adapter: OidcAdapter, tmp_path: Path
) -> None:
    tokens = (await logged_in(adapter)).tokens
    assert tokens.refresh_token is not None
    wrong = adapter_of(keycloak, tmp_path, secret="another secret")
    with pytest.raises(MisconfiguredError):
        await wrong.refresh(tokens.refresh_token)
    await wrong.close()
    assert (await adapter.refresh(tokens.refresh_token)).access_token
