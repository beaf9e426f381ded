"""An OpenID provider: authorization code with PKCE, state and nonce; the id token says who logged in."""

import hmac
import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from doorward_auth.upstream_adapters.answers import values
from doorward_auth.upstream_adapters.base import (
    Arrival,
    AuthorizationCallback,
    FailedError,
    MalformedAnswerError,
    PendingAuthorization,
    UnreachableError,
    UnusedTokens,
    UnverifiedIdentityError,
    UpstreamLogin,
    UpstreamTokens,
)
from doorward_auth.upstream_adapters.http.client import Call, UpstreamClient
from doorward_auth.upstream_adapters.oauth.token_endpoint import TokenEndpoint
from doorward_auth.upstream_adapters.oauth.userinfo import fetch_userinfo
from doorward_auth.upstream_adapters.openid.discovery import Discovery, ProviderMetadata
from doorward_auth.upstream_adapters.openid.id_token import Expectations, UpstreamIdToken
from doorward_auth.upstream_adapters.settings.oauth import OidcSettings
from doorward_auth.upstream_adapters.settings.provider import UserPointers

_CLAIMS: Final = UserPointers.model_validate(
    {
        "subject": "/sub",
        "username": "/preferred_username",
        "email": "/email",
        "email_verified": "/email_verified",
        "name": "/name",
        "picture": "/picture",
    }
)


class OidcAdapter:
    """A `RedirectUpstream`."""

    def __init__(
        self, provider: str, settings: OidcSettings, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Raise SettingsError if no client can be made. `clock` is for the age of what is cached."""
        self._provider = provider
        self._settings = settings
        self._http = UpstreamClient(provider, settings)
        self._tokens = TokenEndpoint(provider, settings)
        self._discovery = Discovery(settings, clock=clock)

    @property
    def can_reuse_refresh_tokens(self) -> bool:
        return self._settings.refresh_token_reuse

    async def begin(self, redirect_uri: str, *, fresh: bool = False) -> PendingAuthorization:
        async with self._http.call("begin") as call:
            metadata = await self._discovery.metadata(call)
        return self._tokens.authorization_request(
            metadata.authorization_endpoint,
            redirect_uri,
            nonce=secrets.token_urlsafe(32),
            fresh_since=int(time.time()) if fresh else None,
        )

    async def exchange(self, response: AuthorizationCallback) -> UpstreamLogin:
        async with self._http.call("login") as call:
            metadata = await self._discovery.metadata(call)
            self._check_response(response, metadata)
            # The keys first: without them a code would be spent for nothing.
            await self._discovery.load_keys(call, metadata)
            tokens = await self._tokens.exchange(call, metadata.token_endpoint, response)
            claims = await self._verified_claims(call, metadata, tokens, response)
            auth_time = _auth_time(claims, response)
            if self._settings.userinfo:
                claims = await self._with_userinfo(call, metadata, tokens, claims)
            try:
                user = values.user(claims, _CLAIMS, self._settings, self._provider)
            except values.UnusableValueError:
                raise UnverifiedIdentityError("bad_sub") from None
            return UpstreamLogin(user, tokens, auth_time)

    async def refresh(self, refresh_token: str) -> UpstreamTokens:
        async with self._http.call("refresh") as call:
            metadata = await self._discovery.metadata(call)
            return await self._tokens.refresh(call, metadata.token_endpoint, refresh_token)

    async def revoke(self, tokens: UpstreamTokens) -> None:
        async with self._http.call("revoke") as call:
            try:
                metadata = await self._discovery.metadata(call)
            except FailedError as error:
                # Its status is no answer about the tokens.
                raise UnreachableError(
                    Arrival.NOT_SENT, status=error.status, request_id=error.request_id
                ) from None
            if metadata.revocation_endpoint:
                await self._tokens.revoke(call, metadata.revocation_endpoint, tokens)

    async def close(self) -> None:
        await self._http.close()

    def _check_response(self, response: AuthorizationCallback, metadata: ProviderMetadata) -> None:
        """Reject a response of another provider, which would get this one's code (RFC 9207 section 2.4)."""
        issuer, expected = response.issuer, self._settings.issuer
        if issuer is None and metadata.sends_issuer:
            raise UnverifiedIdentityError("no_issuer")
        if issuer is not None and not hmac.compare_digest(issuer.encode("utf-8"), expected.encode("utf-8")):
            raise UnverifiedIdentityError("wrong_issuer")
        if not response.nonce:
            raise UnverifiedIdentityError("no_nonce")

    async def _verified_claims(
        self,
        call: Call,
        metadata: ProviderMetadata,
        tokens: UpstreamTokens,
        response: AuthorizationCallback,
    ) -> dict[str, Any]:
        if tokens.id_token is None:
            raise MalformedAnswerError
        token = UpstreamIdToken.parse(tokens.id_token, self._settings.id_token_algorithms)
        call.issued = UnusedTokens(tokens, token.claimed_subject())
        key = await self._discovery.key(call, metadata, token.kid, token.algorithm)
        expected = Expectations(
            issuer=self._settings.issuer,
            client_id=self._settings.client_id,
            trusted_audiences=self._settings.trusted_audiences,
            nonce=response.nonce or "",
            access_token=tokens.access_token,
            clock_skew=self._settings.clock_skew_seconds,
            now=time.time(),
            fresh_since=response.fresh_since,
        )
        return dict(token.verified_claims(key, expected))

    async def _with_userinfo(
        self, call: Call, metadata: ProviderMetadata, tokens: UpstreamTokens, claims: dict[str, Any]
    ) -> dict[str, Any]:
        if metadata.userinfo_endpoint is None:
            return claims
        _, info = await fetch_userinfo(call, metadata.userinfo_endpoint, tokens.access_token)
        if info.get("sub") != claims["sub"]:
            # OpenID Connect Core section 5.3.2.
            raise UnverifiedIdentityError("wrong_userinfo")
        return {**info, **claims}


def _auth_time(claims: Mapping[str, Any], response: AuthorizationCallback) -> int | None:
    """Return when the user was authenticated; None for a verified fresh login, because clocks differ."""
    if response.fresh_since is not None or claims.get("auth_time") is None:
        return None
    return int(min(max(claims["auth_time"], 0), time.time()))
