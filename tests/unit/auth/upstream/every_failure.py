"""Runs every operation of every adapter into every failure, with the service's log at debug level.

Each secret begins with MARK. Usage: python every_failure.py; it prints what was secret and random to stderr.
"""

import asyncio
import html
import json
import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote

from doorward_auth.upstream.providers import Adapter, create_adapter
from doorward_auth.upstream_adapters.base import (
    AuthorizationCallback,
    Image,
    UpstreamError,
    UpstreamRegistration,
    UpstreamTokens,
)
from doorward_auth.upstream_adapters.oauth2 import OAuth2Adapter
from doorward_auth.upstream_adapters.oidc import OidcAdapter
from doorward_auth.upstream_adapters.rest import RestAdapter
from doorward_auth.upstream_adapters.settings.upstreams import parse_providers
from doorward_kit.logging import configure_logging
from support.openid_provider import OpenIdProvider, openid_provider
from support.scripted_upstream import (
    Received,
    Reply,
    Script,
    ScriptedUpstream,
    Then,
    answer,
    scripted_upstream,
)
from unit.auth.upstream.adapters import LOGIN, REST

MARK = "MARKED"
REGISTRATION = UpstreamRegistration(
    f"{MARK}.mail@example.com",
    f"{MARK}-pässword & <1>",
    f"{MARK} name",
    image=Image(b"x", "image/png", "x.png"),
)
TOKENS = UpstreamTokens(f"{MARK}-access-1", f"{MARK}-refresh-1", f"{MARK}-id-1")
ISSUED = {
    **LOGIN,
    "access": f"{MARK}-access-2",
    "access_token": f"{MARK}-access-2",
    "refresh": f"{MARK}-refresh-2",
    "refresh_token": f"{MARK}-refresh-2",
    "id_token": f"{MARK}.id.2",
}
RESPONSE = AuthorizationCallback(f"{MARK}-code", "https://x", f"{MARK}-verifier", f"{MARK}-nonce")
HEADERS = {"Set-Cookie": f"s={MARK}-cookie", "Location": f"http://x.example/?code={MARK}-code"}


def echo(status: int, write: Callable[[str], str]) -> Script:
    """An error page with the whole request in it."""

    def reply(request: Received) -> Reply:
        shown = f"{request.target} {request.body.decode('latin-1')} {dict(request.headers)}"
        return answer(status, f"<h1>Oops</h1>{write(shown)}".encode(), HEADERS)

    return reply


FAILURES: list[Script] = [
    answer(500, "<h1>AttributeError at /api/register</h1>", {**HEADERS, "X-Request-Id": "abc"}),
    *(echo(status, str) for status in (302, 400, 401, 403, 409, 422, 429, 500)),
    *(
        echo(500, write)
        for write in (html.escape, quote, json.dumps, repr, str.upper, lambda text: text[::-1])
    ),
    answer(400, {"error": "invalid_grant"}, HEADERS),
    answer(200, {**ISSUED, "expires_in": "soon", "user": None}, HEADERS),
    answer(200, {"error": "server_error", "detail": MARK}, HEADERS),
    answer(200, json.dumps(ISSUED)[:-5], HEADERS),
    answer(200, [ISSUED], HEADERS),
    answer(401, ISSUED, HEADERS),
    answer(200, b"bad gzip", {**HEADERS, "Content-Encoding": "gzip"}),
    answer(200, {**ISSUED, "user": {"id": 1, "plan": [MARK]}}, HEADERS),
    Reply(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n" + json.dumps(ISSUED).encode(), Then.CLOSE),
    Reply(then=Then.RESET),
    Reply(f"{MARK}\r\n\r\n".encode(), Then.CLOSE),
    Reply(then=Then.HANG),
]


async def attempt(operation: Awaitable[object]) -> None:
    """Expect a failure or a success."""
    try:
        await operation
    except UpstreamError as error:
        print(error, repr(error))  # to the output that is searched


def adapter(url: str, **settings: Any) -> Adapter:
    os.environ["THE_SECRET"] = f"{MARK}-client-secret"
    given = {**settings, "timeout_seconds": 0.3}
    if settings["adapter"] == "rest":
        given |= {"base_url": url, "api_key_header": "X-Api-Key", "api_key_env": "THE_SECRET"}
    else:
        given |= {"client_id": "doorward", "client_secret_env": "THE_SECRET"}
    return create_adapter("theapi", parse_providers(json.dumps({"theapi": given}))["theapi"])


async def of_rest(upstream: ScriptedUpstream) -> None:
    revoke = {"path": "/out", "body": "json", "fields": {"t": "refresh_token"}, "bearer": True}
    rest = adapter(upstream.url, **REST, revoke=revoke)
    assert isinstance(rest, RestAdapter)
    for failure in FAILURES:
        upstream.otherwise = failure
        await attempt(rest.register(REGISTRATION))
        await attempt(rest.log_in(REGISTRATION.email, REGISTRATION.password))
        await attempt(rest.refresh(TOKENS.refresh_token or ""))
        await attempt(rest.revoke(TOKENS))
    await rest.close()


async def of_oauth2(upstream: ScriptedUpstream) -> None:
    names = ("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "revocation_endpoint")
    endpoints = {name: f"{upstream.url}/{name}" for name in names}
    oauth2 = adapter(upstream.url, adapter="oauth2", answer={"subject": "/id"}, **endpoints)
    assert isinstance(oauth2, OAuth2Adapter)
    for failure in FAILURES:
        upstream.otherwise = failure
        await attempt(oauth2.exchange(RESPONSE))
        upstream.will(answer(200, ISSUED))
        await attempt(oauth2.exchange(RESPONSE))
        await attempt(oauth2.refresh(TOKENS.refresh_token or ""))
        await attempt(oauth2.revoke(TOKENS))
    await oauth2.close()


async def of_oidc(provider: OpenIdProvider) -> None:
    serve = provider.upstream.otherwise
    oidc = adapter(provider.issuer, adapter="oidc", issuer=provider.issuer)
    assert isinstance(oidc, OidcAdapter)
    await attempt(oidc.begin("https://x"))
    for claims in (
        {"iss": MARK},
        {"sub": MARK, "nonce": MARK},
        {"aud": [MARK]},
        {"exp": MARK},
        {"at_hash": MARK},
    ):
        provider.claims = {**claims, "email": f"{MARK}@example.com"}
        request = await oidc.begin("https://x")
        print(request.state, request.nonce, request.code_verifier, file=sys.stderr)
        response = AuthorizationCallback(f"{MARK}-code", "https://x", request.code_verifier, request.nonce)
        await attempt(oidc.exchange(response))
    for failure in FAILURES:
        for document in (failure, answer(200, ISSUED)):
            provider.upstream.otherwise = document
            await attempt(
                oidc.exchange(AuthorizationCallback(f"{MARK}-code", "https://x", f"{MARK}-v", f"{MARK}-n"))
            )
            await attempt(oidc.refresh(TOKENS.refresh_token or ""))
            await attempt(oidc.revoke(TOKENS))
    fresh = adapter(provider.issuer, adapter="oidc", issuer=provider.issuer)
    assert isinstance(fresh, OidcAdapter)
    for failure in FAILURES:
        provider.upstream.otherwise = failure
        await attempt(fresh.begin("https://x"))
    provider.upstream.otherwise = serve
    await oidc.close()
    await fresh.close()


async def main() -> None:
    configure_logging("debug")
    async with scripted_upstream() as upstream:
        await of_rest(upstream)
        await of_oauth2(upstream)
    async with openid_provider() as provider:
        await of_oidc(provider)


if __name__ == "__main__":
    asyncio.run(main())
