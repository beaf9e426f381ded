"""A plain OAuth 2.0 server, as GitHub is: numeric subjects, errors with status 200, no id token."""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from doorward_auth.upstream_adapters.base import (
    AuthorizationCallback,
    FailedError,
    InvalidGrantError,
    MalformedAnswerError,
    MisconfiguredError,
    UpstreamError,
    UpstreamTokens,
)
from doorward_auth.upstream_adapters.oauth2 import OAuth2Adapter
from support.scripted_upstream import Reply, ScriptedUpstream, answer
from unit.auth.upstream.adapters import adapter_of

REDIRECT = "https://app.example.com/callback"
CODE = AuthorizationCallback("code-1", REDIRECT, "the-verifier")
TOKENS = {"access_token": "gho_1", "scope": "read:user,user:email", "token_type": "bearer"}
OCTOCAT = {
    "id": 583231,
    "login": "octocat",
    "name": None,
    "email": "octocat@example.com",
    "avatar_url": "https://avatars.example.com/u/583231",
    "plan": {"name": "pro"},
}


def github(upstream: ScriptedUpstream, folder: Path, **changes: Any) -> OAuth2Adapter:
    file = folder / "secret"
    file.write_text("s3cret", encoding="utf-8")
    settings = {
        "adapter": "oauth2",
        "authorization_endpoint": f"{upstream.url}/login/oauth/authorize",
        "token_endpoint": f"{upstream.url}/login/oauth/access_token",
        "userinfo_endpoint": f"{upstream.url}/user",
        "client_id": "Iv1.client",
        "client_secret_file": str(file),
        "token_auth_method": "client_secret_post",
        "scopes": ["read:user"],
        "answer": {
            "subject": "/id",
            "username": "/login",
            "name": "/name",
            "email": "/email",
            "picture": "/avatar_url",
        },
        "claims": {"plan": "/plan/name"},
        **changes,
    }
    made = adapter_of(settings)
    assert isinstance(made, OAuth2Adapter)
    return made


async def test_the_user_is_whom_the_userinfo_endpoint_describes(
    upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    upstream.will(answer(200, TOKENS), answer(200, OCTOCAT))
    login = await github(upstream, tmp_path).exchange(CODE)
    user, tokens = login.user, login.tokens
    assert (user.subject, user.username, user.name) == ("583231", "octocat", None)
    assert (user.email, user.is_email_verified) == ("octocat@example.com", False)
    assert (user.picture_url, user.claims) == ("https://avatars.example.com/u/583231", {"plan": "pro"})
    assert (tokens.access_token, tokens.refresh_token, tokens.expires_in) == ("gho_1", None, None)
    exchange, info = upstream.received
    form = {name: one for name, (one,) in parse_qs(exchange.body.decode()).items()}
    assert form == {
        "grant_type": "authorization_code",
        "code": "code-1",
        "redirect_uri": REDIRECT,
        "code_verifier": "the-verifier",
        "client_id": "Iv1.client",
        "client_secret": "s3cret",
    }
    assert exchange.headers["accept"] == "application/json", "without it GitHub answers with a form"
    assert (info.method, info.target, info.headers["authorization"]) == ("GET", "/user", "Bearer gho_1")
    assert info.headers["user-agent"] == "doorward", "without it GitHub answers 403"


@pytest.mark.parametrize("pkce", [True, False])
async def test_the_login_page_gets_a_state_and_a_challenge_where_it_may(
    upstream: ScriptedUpstream, tmp_path: Path, *, pkce: bool
) -> None:
    oauth2 = github(upstream, tmp_path, pkce=pkce)
    request = await oauth2.begin(REDIRECT)
    parameters = parse_qs(urlsplit(request.url).query)
    assert parameters["state"] == [request.state]
    assert ("code_challenge" in parameters) is pkce
    assert "nonce" not in parameters
    assert request.nonce is None
    upstream.will(answer(200, TOKENS), answer(200, OCTOCAT))
    await oauth2.exchange(CODE)
    assert (b"code_verifier" in upstream.received[0].body) is pkce


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("bad_verification_code", InvalidGrantError),
        ("bad_refresh_token", InvalidGrantError),
        ("incorrect_client_credentials", MisconfiguredError),
        ("redirect_uri_mismatch", MisconfiguredError),
        ("unverified_user_email", FailedError),
        (None, FailedError),
    ],
)
async def test_an_error_with_status_200_is_an_error(
    upstream: ScriptedUpstream, tmp_path: Path, code: str | None, kind: type[UpstreamError]
) -> None:
    oauth2 = github(upstream, tmp_path)
    upstream.otherwise = answer(200, {"error": code, "error_description": "The code is incorrect."})
    with pytest.raises(UpstreamError) as failed:
        await oauth2.exchange(CODE)
    assert type(failed.value) is kind
    with pytest.raises(UpstreamError) as failed:
        await oauth2.refresh("ghr_1")
    assert type(failed.value) is kind


async def test_expiring_tokens_have_both_lifetimes(upstream: ScriptedUpstream, tmp_path: Path) -> None:
    expiring = {**TOKENS, "expires_in": 28800, "refresh_token": "ghr_2", "refresh_token_expires_in": 15897600}
    upstream.will(answer(200, expiring))
    tokens = await github(upstream, tmp_path).refresh("ghr_1")
    assert (tokens.refresh_token, tokens.expires_in, tokens.refresh_expires_in) == ("ghr_2", 28800, 15897600)


@pytest.mark.parametrize(
    ("info", "kind"),
    [
        (answer(200, {"login": "octocat"}), MalformedAnswerError),
        (answer(200, {"id": 2**53 + 2}), MalformedAnswerError),
        (answer(200, {"id": -1}), MalformedAnswerError),
        (answer(401, {}), MisconfiguredError),
        (answer(403, {}), MisconfiguredError),
        (answer(503, {}), FailedError),
    ],
)
async def test_without_a_user_there_is_no_login(
    upstream: ScriptedUpstream, tmp_path: Path, info: Reply, kind: type[UpstreamError]
) -> None:
    upstream.will(answer(200, TOKENS), info)
    with pytest.raises(UpstreamError) as failed:
        await github(upstream, tmp_path).exchange(CODE)
    assert type(failed.value) is kind


async def test_tokens_are_revoked_where_there_is_an_endpoint(
    upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    await github(upstream, tmp_path).revoke(UpstreamTokens("gho_1"))
    assert upstream.received == []
    upstream.will(answer(400, {"error": "invalid_grant"}), answer(503), answer(200))
    oauth2 = github(upstream, tmp_path, revocation_endpoint=f"{upstream.url}/revoke")
    await oauth2.revoke(UpstreamTokens("gho_1"))
    with pytest.raises(FailedError):
        await oauth2.revoke(UpstreamTokens("gho_1"))
    await oauth2.revoke(UpstreamTokens("gho_1"))
