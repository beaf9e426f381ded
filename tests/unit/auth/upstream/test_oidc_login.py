"""Logins at an OpenID provider: their requests, and their rejections."""

import base64
import hashlib
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from doorward_auth.upstream_adapters.base import (
    FailedError,
    MalformedAnswerError,
    MisconfiguredError,
    UnverifiedIdentityError,
    UpstreamError,
)
from support.openid_provider import CLIENT_ID, OpenIdProvider, encode
from support.scripted_upstream import Reply, answer
from unit.auth.upstream.openid_logins import REDIRECT, adapter, log_in, rejection


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


@pytest.mark.parametrize(
    ("configured", "prompt"),
    [
        ({}, "login"),
        ({"prompt": "consent", "max_age": "9"}, "login consent"),
        ({"prompt": "login"}, "login"),
        # It goes with no other value.
        ({"prompt": "none"}, "login"),
    ],
)
async def test_a_fresh_login_is_asked_for(
    provider: OpenIdProvider, configured: dict[str, str], prompt: str
) -> None:
    oidc = adapter(provider, authorization_parameters=configured)
    request = await oidc.begin(REDIRECT, fresh=True)
    parameters = parse_qs(urlsplit(request.url).query)
    assert (parameters["prompt"], parameters["max_age"]) == ([prompt], ["0"])
    assert request.fresh_since is not None
    assert abs(request.fresh_since - time.time()) < 60
    assert (await oidc.begin(REDIRECT)).fresh_since is None


async def test_a_session_of_the_provider_is_as_old_as_it_says(provider: OpenIdProvider) -> None:
    oidc, old = adapter(provider), int(time.time()) - 9_000
    assert (await log_in(oidc, provider)).auth_time is None
    provider.claims = {"auth_time": old}
    assert (await log_in(oidc, provider)).auth_time == old
    rejected = await rejection(oidc, provider, fresh_since=old + 3_600)
    assert isinstance(rejected, UnverifiedIdentityError)
    # A verified one is of now, whatever the provider's clock says.
    assert (await log_in(oidc, provider, fresh_since=old)).auth_time is None


@pytest.mark.parametrize(("auth_time", "is_now"), [(1e300, True), (-1e300, False), (0, False)])
async def test_a_time_that_no_clock_has_is_limited(
    provider: OpenIdProvider, auth_time: float, *, is_now: bool
) -> None:
    provider.claims = {"auth_time": auth_time}
    started_at = int(time.time())
    found = (await log_in(adapter(provider), provider)).auth_time
    assert found is not None
    assert started_at <= found <= time.time() if is_now else found == 0


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


async def test_a_response_of_another_provider_is_rejected_before_the_code_is_sent(
    provider: OpenIdProvider,
) -> None:
    provider.metadata = {"authorization_response_iss_parameter_supported": True}
    oidc = adapter(provider)
    for issuer, reason in ((None, "no_issuer"), ("https://evil.example", "wrong_issuer")):
        rejected = await rejection(oidc, provider, issuer=issuer)
        assert isinstance(rejected, UnverifiedIdentityError)
        assert rejected.reason == reason
    assert provider.requests("/token") == []
    assert (await log_in(oidc, provider, issuer=provider.issuer)).user.subject == "user-1"


@pytest.mark.parametrize("nonce", [None, ""])
async def test_without_a_nonce_of_ours_nothing_is_sent(provider: OpenIdProvider, nonce: str | None) -> None:
    provider.claims = {"nonce": ""}
    assert isinstance(await rejection(adapter(provider), provider, nonce=nonce), UnverifiedIdentityError)
    assert provider.requests("/token") == []


async def test_a_login_without_a_good_id_token_is_rejected(provider: OpenIdProvider) -> None:
    oidc = adapter(provider)
    provider.claims = {"aud": "another"}
    assert isinstance(await rejection(oidc, provider), UnverifiedIdentityError)
    provider.claims, provider.token_answer = {}, {"id_token": None}
    assert type(await rejection(oidc, provider)) is MalformedAnswerError
    provider.token_answer = {"token_type": "DPoP"}
    assert type(await rejection(oidc, provider)) is MalformedAnswerError


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
        assert type(await rejection(oidc, provider)) is outcome
    else:
        user = (await log_in(oidc, provider)).user
        assert (user.claims, user.email) == ({"plan": "free"}, "ada@example.com")
    assert provider.requests("/userinfo")[0].headers["authorization"] == "Bearer access-1"
