"""An OpenID provider: its documents and how long they are kept, refreshes and revocation."""

from typing import Any

import pytest

from doorward_auth.upstream_adapters.base import (
    Arrival,
    FailedError,
    InvalidGrantError,
    MalformedAnswerError,
    MisconfiguredError,
    ThrottledError,
    UnreachableError,
    UnverifiedIdentityError,
    UpstreamError,
    UpstreamTokens,
)
from doorward_auth.upstream_adapters.openid.discovery import CACHE_SECONDS, COOLDOWN_SECONDS
from support.openid_provider import OpenIdProvider, public_jwk, rsa_pem
from support.scripted_upstream import Reply, Then, answer
from unit.auth.upstream.openid_logins import REDIRECT, Clock, adapter, log_in, rejection, response_to


@pytest.mark.parametrize(
    ("metadata", "kind"),
    [
        ({"issuer": "https://evil.example"}, MisconfiguredError),
        ({"issuer": None}, MisconfiguredError),
        ({"token_endpoint": None}, FailedError),
        ({"token_endpoint": "http://evil.example/token"}, FailedError),
        ({"jwks_uri": "file:///etc/passwd"}, FailedError),
        ({"userinfo_endpoint": 5}, FailedError),
    ],
)
async def test_another_issuers_or_a_bad_document_is_rejected(
    provider: OpenIdProvider, metadata: dict[str, Any], kind: type[UpstreamError]
) -> None:
    provider.metadata = metadata
    assert type(await rejection(adapter(provider), provider)) is kind


async def test_a_provider_that_is_down_was_sent_nothing(provider: OpenIdProvider) -> None:
    oidc = adapter(provider)
    provider.upstream.will(Reply(then=Then.CLOSE), answer(503))
    with pytest.raises(UnreachableError) as failed:
        await oidc.refresh("refresh-1")
    assert failed.value.arrival is Arrival.NOT_SENT
    with pytest.raises(FailedError):
        await oidc.refresh("refresh-1")
    assert provider.requests("/token") == []


@pytest.mark.parametrize("body", ["<html>", "[]", "{" * 5000, " " * 70_000])
async def test_a_document_that_cannot_be_used_does_not_mean_that_a_token_was_sent(
    provider: OpenIdProvider, body: str
) -> None:
    oidc = adapter(provider)
    provider.upstream.will(answer(200, body))
    with pytest.raises(UpstreamError) as failed:
        await oidc.refresh("refresh-1")
    assert type(failed.value) in (FailedError, MisconfiguredError)
    provider.upstream.will(answer(200, provider.discovery()), answer(200, body))
    assert type(await rejection(oidc, provider)) is FailedError
    assert provider.requests("/token") == []


async def test_known_endpoints_serve_while_the_document_cannot_be_fetched(provider: OpenIdProvider) -> None:
    clock = Clock()
    oidc = adapter(provider, clock)
    await oidc.refresh("refresh-1")
    clock.now = CACHE_SECONDS
    provider.upstream.will(answer(503))
    for _ in range(3):
        assert (await oidc.refresh("refresh-1")).access_token == "access-1"
    assert len(provider.requests("/.well-known/openid-configuration")) == 2
    clock.now += COOLDOWN_SECONDS
    await oidc.refresh("refresh-1")
    assert len(provider.requests("/.well-known/openid-configuration")) == 3


async def test_the_keys_are_fetched_before_the_code_is_spent(provider: OpenIdProvider) -> None:
    oidc = adapter(provider)
    request = await oidc.begin(REDIRECT)
    provider.upstream.will(answer(500))
    with pytest.raises(FailedError):
        await oidc.exchange(response_to(request))
    assert provider.requests("/token") == []


async def test_documents_are_cached_and_fetched_again_in_time(provider: OpenIdProvider) -> None:
    clock = Clock()
    oidc = adapter(provider, clock)
    for _ in range(3):
        await log_in(oidc, provider)
    counts = [len(provider.requests(path)) for path in ("/.well-known/openid-configuration", "/jwks")]
    assert counts == [1, 1]
    clock.now = CACHE_SECONDS
    await log_in(oidc, provider)
    counts = [len(provider.requests(path)) for path in ("/.well-known/openid-configuration", "/jwks")]
    assert counts == [2, 2]


async def test_a_new_key_is_fetched_but_not_for_every_unknown_kid(provider: OpenIdProvider) -> None:
    clock = Clock()
    oidc = adapter(provider, clock)
    await log_in(oidc, provider)
    provider.header = {"kid": "k2"}
    for _ in range(3):
        rejected = await rejection(oidc, provider)
        assert isinstance(rejected, UnverifiedIdentityError)
        assert rejected.reason == "unknown_key"
    assert len(provider.requests("/jwks")) == 1
    provider.keys = [public_jwk(rsa_pem(), "RS256", kid="k2")]
    clock.now = COOLDOWN_SECONDS
    assert (await log_in(oidc, provider)).user.subject == "user-1"
    assert len(provider.requests("/jwks")) == 2


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (answer(400, {"error": "invalid_grant"}), InvalidGrantError),
        (answer(401, {"error": "invalid_grant"}), InvalidGrantError),
        (answer(401, {"error": "invalid_client"}), MisconfiguredError),
        (answer(400, {"error": "unauthorized_client"}), MisconfiguredError),
        (answer(400, {"error": "invalid_request"}), MisconfiguredError),
        (answer(400, {"error": "invalid_resource"}), MisconfiguredError),
        (answer(400, {"error": "invalid_target"}), MisconfiguredError),
        (answer(403, "<html>"), MisconfiguredError),
        (answer(400, "<html>"), FailedError),
        (answer(400, {"error": ["invalid_grant"]}), FailedError),
        (answer(400, "invalid_grant"), FailedError),
        (answer(404, {"error": "invalid_grant"}), FailedError),
        (answer(500, {"error": "invalid_grant"}), FailedError),
        (answer(429, {"error": "invalid_grant"}, {"Retry-After": "5"}), ThrottledError),
        (answer(200, "<html>"), MalformedAnswerError),
        (answer(200, []), MalformedAnswerError),
        (answer(200, {"scope": "email"}), MalformedAnswerError),
        (Reply(then=Then.RESET), UnreachableError),
    ],
)
async def test_only_invalid_grant_ends_a_grant(
    provider: OpenIdProvider, reply: Reply, kind: type[UpstreamError]
) -> None:
    provider.token_answer = reply
    with pytest.raises(UpstreamError) as failed:
        await adapter(provider).refresh("refresh-1")
    assert type(failed.value) is kind
    assert len(provider.requests("/token")) == 1


async def test_a_refresh_keeps_what_came_although_its_id_token_is_bad(provider: OpenIdProvider) -> None:
    provider.claims = {"iss": "https://evil.example"}
    provider.token_answer = {"access_token": "access-2", "refresh_token": "refresh-2", "expires_in": "soon"}
    tokens = await adapter(provider).refresh("refresh-1")
    assert (tokens.access_token, tokens.refresh_token, tokens.expires_in) == ("access-2", "refresh-2", None)


async def test_the_refresh_token_is_revoked_or_else_the_access_token(provider: OpenIdProvider) -> None:
    oidc = adapter(provider)
    await oidc.revoke(UpstreamTokens("access-1", "refresh-1"))
    await oidc.revoke(UpstreamTokens("access-1"))
    assert [(form["token"], form["token_type_hint"]) for form in provider.forms("/revoke")] == [
        ("refresh-1", "refresh_token"),
        ("access-1", "access_token"),
    ]
    provider.metadata = {"revocation_endpoint": None}
    await adapter(provider).revoke(UpstreamTokens("access-1"))
    assert len(provider.requests("/revoke")) == 2


async def test_a_failure_of_the_discovery_is_no_answer_about_the_tokens(provider: OpenIdProvider) -> None:
    """A 404 of the revocation endpoint is final, and one of the discovery is not."""
    provider.upstream.will(answer(404))
    with pytest.raises(UnreachableError) as failed:
        await adapter(provider).revoke(UpstreamTokens("access-1"))
    assert (failed.value.arrival, failed.value.status) == (Arrival.NOT_SENT, 404)
