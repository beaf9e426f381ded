"""A plain OAuth 2.0 server with an endpoint that describes the user, as GitHub is."""

from doorward_auth.upstream_adapters.answers import values
from doorward_auth.upstream_adapters.base import (
    AuthorizationCallback,
    MalformedAnswerError,
    PendingAuthorization,
    UpstreamLogin,
    UpstreamTokens,
    UpstreamUser,
)
from doorward_auth.upstream_adapters.http.client import Call, UpstreamClient
from doorward_auth.upstream_adapters.oauth.token_endpoint import TokenEndpoint
from doorward_auth.upstream_adapters.oauth.userinfo import fetch_userinfo
from doorward_auth.upstream_adapters.settings.oauth import OAuth2Settings


class OAuth2Adapter:
    """A `RedirectUpstream`. The userinfo endpoint names the user of the new access token."""

    def __init__(self, provider: str, settings: OAuth2Settings) -> None:
        """Raise SettingsError if no client can be made."""
        self._provider = provider
        self._settings = settings
        self._http = UpstreamClient(provider, settings)
        self._tokens = TokenEndpoint(provider, settings)

    @property
    def can_reuse_refresh_tokens(self) -> bool:
        return self._settings.refresh_token_reuse

    async def begin(self, redirect_uri: str, *, fresh: bool = False) -> PendingAuthorization:  # noqa: ARG002 - OAuth 2.0 cannot ask for it
        return self._tokens.authorization_request(
            self._settings.authorization_endpoint,
            redirect_uri,
            nonce=None,
            uses_pkce=self._settings.pkce,
        )

    async def exchange(self, response: AuthorizationCallback) -> UpstreamLogin:
        async with self._http.call("login") as call:
            tokens = await self._tokens.exchange(
                call, self._settings.token_endpoint, response, uses_pkce=self._settings.pkce
            )
            return UpstreamLogin(await self._user(call, tokens.access_token), tokens)

    async def refresh(self, refresh_token: str) -> UpstreamTokens:
        async with self._http.call("refresh") as call:
            return await self._tokens.refresh(call, self._settings.token_endpoint, refresh_token)

    async def revoke(self, tokens: UpstreamTokens) -> None:
        if self._settings.revocation_endpoint:
            async with self._http.call("revoke") as call:
                await self._tokens.revoke(call, self._settings.revocation_endpoint, tokens)

    async def close(self) -> None:
        await self._http.close()

    async def _user(self, call: Call, access_token: str) -> UpstreamUser:
        answer, document = await fetch_userinfo(call, self._settings.userinfo_endpoint, access_token)
        try:
            return values.user(document, self._settings.answer, self._settings, self._provider)
        except values.UnusableValueError:
            raise answer.error(MalformedAnswerError) from None
