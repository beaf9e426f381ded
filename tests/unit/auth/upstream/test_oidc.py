"""The oidc adapter with a hand-written provider: the login's requests, its refusals, and what is cached."""

import base64
import dataclasses
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from doorward_auth.upstream.adapters.base import (
    Arrival,
    AuthorizationRequest,
    AuthorizationResponse,
    FailedError,
    InvalidGrantError,
    MalformedAnswerError,
    MisconfiguredError,
    ThrottledError,
    UnreachableError,
    UnverifiedIdentityError,
    UpstreamError,
    UpstreamLogin,
    UpstreamTokens,
)
from doorward_auth.upstream.adapters.discovery import CACHE_SECONDS, KEY_COOLDOWN_SECONDS
from doorward_auth.upstream.adapters.oidc import OidcAdapter
from support.openid_provider import CLIENT_ID, OpenIdProvider, encode, openid_provider, public_jwk, rsa_pem
from support.scripted_upstream import Reply, Then, answer
from unit.auth.upstream.adapters import adapter_of, close_adapters

REDIRECT = "https://app.example.com/callback"


class Clock:
    """The time by which cached documents age."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def provider() -> AsyncIterator[OpenIdProvider]:
    async with openid_provider() as server:
        yield server
        await close_adapters()


def adapter(provider: OpenIdProvider, clock: Clock | None = None, **changes: Any) -> OidcAdapter:
    settings = {"adapter": "oidc", "issuer": provider.issuer, "client_id": CLIENT_ID, **changes}
    if not any(name.startswith("client_secret_") for name in changes):
        settings["token_auth_method"] = "none"
    made = adapter_of(settings)
    assert isinstance(made, OidcAdapter)
    if clock:
        made._discovery._clock = clock
    return made


def response_to(request: AuthorizationRequest, **changes: Any) -> AuthorizationResponse:
    made = AuthorizationResponse("code-1", REDIRECT, request.code_verifier, request.nonce)
    return dataclasses.replace(made, **changes)


async def log_in(oidc: OidcAdapter, provider: OpenIdProvider, **changes: Any) -> UpstreamLogin:
    request = await oidc.begin(REDIRECT)
    provider.nonce = request.nonce or ""
    return await oidc.exchange(response_to(request, **changes))


async def refusal(oidc: OidcAdapter, provider: OpenIdProvider, **changes: Any) -> UpstreamError:
    with pytest.raises(UpstreamError) as refused:
        await log_in(oidc, provider, **changes)
    return refused.value


async def test_the_login_page_gets_state_nonce_and_challenge(provider: OpenIdProvider) -> None:
    oidc = adapter(provider, authorization_parameters={"prompt": "consent"})
    first, second = await oidc.begin(REDIRECT), await oidc.begin(REDIRECT)
    parameters = {name: one for name, (one,) in parse_qs(urlsplit(first.url).query).items()}
    digest = hashlib.sha256(first.code_verifier.encode()).digest()
    assert parameters == {
        "prompt": "consent",
        "response_type": "code",
        "client_id": CLIENT_ID,
        "redirect_uri": REDIRECT,
        "scope": "openid profile email",
        "state": first.state,
        "nonce": first.nonce,
        "code_challenge": encode(digest),
        "code_challenge_method": "S256",
    }
    secrets = [
        first.state,
        first.nonce,
        first.code_verifier,
        second.state,
        second.nonce,
        second.code_verifier,
    ]
    assert len(set(secrets)) == 6
    assert all(secret is not None and len(secret) >= 43 for secret in secrets)


async def test_a_login_endpoint_keeps_its_own_query(provider: OpenIdProvider) -> None:
    provider.metadata["authorization_endpoint"] = f"{provider.issuer}/authorize?policy=a"
    url = (await adapter(provider).begin(REDIRECT)).url
    assert url.startswith(f"{provider.issuer}/authorize?policy=a&")


async def test_a_login_brings_user_tokens_role_and_claims(provider: OpenIdProvider) -> None:
    provider.claims = {"groups": ["staff"], "plan": "free", "picture": "https://x.example/1.png"}
    oidc = adapter(provider, groups="/groups", roles={"staff": "auditor"}, claims={"plan": "/plan"})
    login = await log_in(oidc, provider)
    user, tokens = login.user, login.tokens
    assert (user.subject, user.username, user.name, user.email) == ("user-1", "ada", "Ada", "ada@example.com")
    assert (user.is_email_verified, user.role, user.claims) == (True, "auditor", {"plan": "free"})
    assert user.picture_url == "https://x.example/1.png"
    assert (tokens.access_token, tokens.refresh_token, tokens.expires_in) == ("access-1", "refresh-1", 60)
    (form,) = provider.forms("/token")
    assert form.pop("code_verifier")
    assert form == {
        "grant_type": "authorization_code",
        "code": "code-1",
        "redirect_uri": REDIRECT,
        "client_id": CLIENT_ID,
    }


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
async def test_the_client_authenticates(provider: OpenIdProvider, tmp_path: Path, method: str) -> None:
    file = tmp_path / "secret"
    file.write_text("s3cret: +%&", encoding="utf-8")
    oidc = adapter(provider, client_secret_file=str(file), token_auth_method=method)
    await log_in(oidc, provider)
    (request,), (form,) = provider.requests("/token"), provider.forms("/token")
    if method == "client_secret_post":
        assert (form["client_id"], form["client_secret"]) == (CLIENT_ID, "s3cret: +%&")
        assert "authorization" not in request.headers
    else:
        scheme, _, encoded = request.headers["authorization"].partition(" ")
        assert (scheme, base64.b64decode(encoded)) == ("Basic", b"doorward:s3cret%3A%20%2B%25%26")
        assert not {"client_id", "client_secret"} & form.keys()


@pytest.mark.parametrize(
    ("metadata", "kind"),
    [
        ({"issuer": "https://evil.example"}, MisconfiguredError),
        ({"issuer": None}, MisconfiguredError),
        ({"token_endpoint": None}, MalformedAnswerError),
        ({"token_endpoint": "http://evil.example/token"}, MalformedAnswerError),
        ({"jwks_uri": "file:///etc/passwd"}, MalformedAnswerError),
        ({"userinfo_endpoint": 5}, MalformedAnswerError),
    ],
)
async def test_another_issuers_or_a_bad_document_is_refused(
    provider: OpenIdProvider, metadata: dict[str, Any], kind: type[UpstreamError]
) -> None:
    provider.metadata = metadata
    assert type(await refusal(adapter(provider), provider)) is kind


async def test_a_provider_that_is_down_was_sent_nothing(provider: OpenIdProvider) -> None:
    oidc = adapter(provider)
    provider.upstream.will(Reply(then=Then.CLOSE), answer(503))
    with pytest.raises(UnreachableError) as failed:
        await oidc.refresh("refresh-1")
    assert failed.value.arrival is Arrival.NOT_SENT
    with pytest.raises(FailedError):
        await oidc.refresh("refresh-1")
    assert provider.requests("/token") == []


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
        refused = await refusal(oidc, provider)
        assert isinstance(refused, UnverifiedIdentityError)
        assert refused.reason == "unknown_key"
    assert len(provider.requests("/jwks")) == 1
    provider.keys = [public_jwk(rsa_pem(), "RS256", kid="k2")]
    clock.now = KEY_COOLDOWN_SECONDS
    assert (await log_in(oidc, provider)).user.subject == "user-1"
    assert len(provider.requests("/jwks")) == 2


async def test_a_response_of_another_provider_is_refused_before_the_code_is_sent(
    provider: OpenIdProvider,
) -> None:
    provider.metadata = {"authorization_response_iss_parameter_supported": True}
    oidc = adapter(provider)
    for issuer, reason in ((None, "no_issuer"), ("https://evil.example", "wrong_issuer")):
        refused = await refusal(oidc, provider, issuer=issuer)
        assert isinstance(refused, UnverifiedIdentityError)
        assert refused.reason == reason
    assert provider.requests("/token") == []
    assert (await log_in(oidc, provider, issuer=provider.issuer)).user.subject == "user-1"


@pytest.mark.parametrize("nonce", [None, ""])
async def test_without_a_nonce_of_ours_nothing_is_sent(provider: OpenIdProvider, nonce: str | None) -> None:
    provider.claims = {"nonce": ""}
    assert isinstance(await refusal(adapter(provider), provider, nonce=nonce), UnverifiedIdentityError)
    assert provider.requests("/token") == []


async def test_a_login_without_a_good_id_token_is_refused(provider: OpenIdProvider) -> None:
    oidc = adapter(provider)
    provider.claims = {"aud": "another"}
    assert isinstance(await refusal(oidc, provider), UnverifiedIdentityError)
    provider.claims, provider.token_answer = {}, {"id_token": None}
    assert type(await refusal(oidc, provider)) is MalformedAnswerError
    provider.token_answer = {"token_type": "DPoP"}
    assert type(await refusal(oidc, provider)) is MalformedAnswerError


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (answer(400, {"error": "invalid_grant"}), InvalidGrantError),
        (answer(401, {"error": "invalid_grant"}), InvalidGrantError),
        (answer(401, {"error": "invalid_client"}), MisconfiguredError),
        (answer(400, {"error": "unauthorized_client"}), MisconfiguredError),
        (answer(400, {"error": "invalid_request"}), MisconfiguredError),
        (answer(403, "<html>"), MisconfiguredError),
        (answer(400, "<html>"), FailedError),
        (answer(400, {"error": ["invalid_grant"]}), FailedError),
        (answer(400, "invalid_grant"), FailedError),
        (answer(404, {"error": "invalid_grant"}), FailedError),
        (answer(500, {"error": "invalid_grant"}), FailedError),
        (answer(429, {"error": "invalid_grant"}, {"Retry-After": "5"}), ThrottledError),
        (answer(200, "<html>"), MalformedAnswerError),
        (answer(200, []), MalformedAnswerError),
        (answer(200, {"refresh_token": "refresh-2"}), MalformedAnswerError),
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


@pytest.mark.parametrize(
    ("info", "outcome"),
    [
        (answer(200, {"sub": "user-1", "plan": "free", "email": "other@example.com"}), None),
        (answer(200, {"sub": "user-2"}), UnverifiedIdentityError),
        (answer(200, {}), UnverifiedIdentityError),
        (answer(200, []), MalformedAnswerError),
        (answer(403, {}), MisconfiguredError),
        (answer(500, {}), FailedError),
    ],
)
async def test_userinfo_adds_claims_of_the_same_user(
    provider: OpenIdProvider, info: Reply, outcome: type[UpstreamError] | None
) -> None:
    provider.userinfo = info
    oidc = adapter(provider, userinfo=True, claims={"plan": "/plan"})
    if outcome:
        assert type(await refusal(oidc, provider)) is outcome
    else:
        user = (await log_in(oidc, provider)).user
        assert (user.claims, user.email) == ({"plan": "free"}, "ada@example.com")
    assert provider.requests("/userinfo")[0].headers["authorization"] == "Bearer access-1"


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
