"""The rules of logging in at an upstream's own pages.

The client begins with a PKCE challenge of its own, the browser goes to the upstream and returns here, and the
client gets a one-time code by its redirect URI. With the code and its verifier it asks for tokens. So neither
the upstream's code nor its tokens reach a client, and an intercepted code opens nothing (RFC 7636).
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode, urlsplit

import sqlalchemy as sa
import structlog
import uuid_utils.compat as uuid7s

from doorward_auth.opaque_tokens import OpaqueToken
from doorward_auth.password_check.errors import InvalidCredentialsError
from doorward_auth.rate_limiting.limiter import RateLimiter
from doorward_auth.sessions.repository import Origin
from doorward_auth.tokens.token_pair import TokenPair
from doorward_auth.upstream.accounts import profile_of
from doorward_auth.upstream.errors import UpstreamNotFoundError, refusal_of
from doorward_auth.upstream.grants.provider import Provider, Providers
from doorward_auth.upstream.logins.entry import Entry, UpstreamEntry
from doorward_auth.upstream.logins.limits import UPSTREAM_AUTHORIZATIONS
from doorward_auth.upstream.redirects import repository
from doorward_auth.upstream.redirects.errors import (
    InvalidAuthorizationCodeError,
    InvalidAuthorizationError,
    RedirectUriNotAllowedError,
)
from doorward_auth.upstream.redirects.repository import NewAuthorization, Redeemable, Returned
from doorward_auth.upstream.redirects.schemas import AuthorizationRequest, AuthorizationResponse, CodeRequest
from doorward_auth.upstream.redirects.sealing import AuthorizationSealing
from doorward_auth.upstream.requests import UpstreamRequests
from doorward_auth.upstream_adapters.base import AuthorizationResponse as UpstreamResponse
from doorward_auth.upstream_adapters.base import RedirectUpstream, UpstreamError, UpstreamLogin
from doorward_auth.upstream_adapters.oauth2 import OAuth2Adapter
from doorward_auth.upstream_adapters.oidc import OidcAdapter
from doorward_client.request_context import current_address
from doorward_identity.resources import IdentityResources
from doorward_kit.rate_limiting.keys import LimitKey

log = structlog.get_logger(__name__)

BROWSER_SECONDS: Final = 600
CODE_SECONDS: Final = 60

_LOOPBACK_HOSTS: Final = frozenset({"127.0.0.1", "::1"})


class AuthorizationCode(OpaqueToken):
    """The one-time code. Its id is the row's."""

    prefix = "dwx_"


@dataclass(frozen=True, slots=True, repr=False)
class Return:
    """What the upstream's redirect says: a code, or an error."""

    state: str | None
    code: str | None
    issuer: str | None
    error: str | None


class RedirectLogins:
    """Begins and finishes logins. `public_url` is where browsers reach this installation."""

    def __init__(  # noqa: PLR0913, PLR0917 - what the rules work with
        self,
        resources: IdentityResources,
        providers: Providers,
        requests: UpstreamRequests,
        sealing: AuthorizationSealing,
        entry: UpstreamEntry,
        limiter: RateLimiter,
        public_url: str | None,
    ) -> None:
        self._database = resources.database
        self._providers = providers
        self._requests = requests
        self._sealing = sealing
        self._entry = entry
        self._limiter = limiter
        self._public_url = public_url

    async def begin(self, name: str, request: AuthorizationRequest) -> AuthorizationResponse:
        """Return the upstream's page to send the browser to.

        Raises UpstreamNotFoundError, RedirectUriNotAllowedError, TooManyAttemptsError, and the errors of
        doorward_auth.upstream.errors.
        """
        provider, upstream = self._redirect_upstream(name)
        if not _is_allowed(request.redirect_uri, provider.redirect_uris):
            raise RedirectUriNotAllowedError
        sources = [LimitKey.of_source(UPSTREAM_AUTHORIZATIONS, current_address())]
        await self._database.read(lambda connection: self._limiter.check(connection, sources))
        try:
            begun = await self._requests.send(
                provider, "begin", lambda: upstream.begin(self._callback_of(name))
            )
        except UpstreamError as error:
            raise refusal_of(error) from None
        row_id = uuid7s.uuid7()
        secrets = {"code_verifier": begun.code_verifier, "nonce": begun.nonce}
        row = NewAuthorization(
            id=row_id,
            provider=name,
            state_hash=_hash(begun.state),
            secrets=self._sealing.seal_secrets(row_id, name, secrets),
            redirect_uri=request.redirect_uri,
            client_state=request.state,
            code_challenge=request.code_challenge,
        )

        def work(connection: sa.Connection) -> None:
            self._limiter.acquire(connection, sources)
            repository.insert(connection, row, seconds=BROWSER_SECONDS)

        await self._database.write(work)
        return AuthorizationResponse(authorization_url=begun.url, expires_in=BROWSER_SECONDS)

    async def receive(self, name: str, returned: Return) -> str:
        """Take the browser's return, and return the client's URL to send it to.

        Raises UpstreamNotFoundError, and InvalidAuthorizationError for a state that is not known: then there
        is no client to send the browser to.
        """
        provider, upstream = self._redirect_upstream(name)
        state_hash = _hash(returned.state or "")
        row = await self._database.write(
            lambda connection: repository.take_returned(connection, name, state_hash)
        )
        if row is None:
            raise InvalidAuthorizationError
        if returned.error is not None or returned.code is None:
            log.info("upstream.login_refused", provider=name)
            return _client_url(row, {"error": "access_denied"})
        response = self._response_of(name, row, returned)
        if response is None:
            return _client_url(row, {"error": "server_error"})
        try:
            login = await self._requests.send(provider, "login", lambda: upstream.exchange(response))
        except UpstreamError as error:
            refusal = refusal_of(error)
            is_denied = isinstance(refusal, InvalidCredentialsError)
            kind = "access_denied" if is_denied else "temporarily_unavailable"
            return _client_url(row, {"error": kind, "error_description": refusal.code})
        code = AuthorizationCode.issue(row.id)
        sealed = self._sealing.seal_login(row.id, name, login)
        await self._database.write(
            lambda connection: repository.store_login(
                connection, row.id, sealed, code.hash(), seconds=CODE_SECONDS
            )
        )
        return _client_url(row, {"code": str(code)})

    async def finish(self, name: str, request: CodeRequest, origin: Origin) -> TokenPair:
        """Exchange a one-time code for a token pair; raises as `redeem` and UpstreamEntry.enter do."""
        provider, _ = self._redirect_upstream(name)
        login = await self.redeem(name, request)
        return await self._entry.enter(Entry(provider, login, profile_of(login.user), origin))

    async def redeem(self, name: str, request: CodeRequest) -> UpstreamLogin:
        """Return the login of a one-time code, which is used up; raises InvalidAuthorizationCodeError."""
        code = AuthorizationCode.parse(request.code.get_secret_value())
        if code is None:
            raise InvalidAuthorizationCodeError
        row = await self._database.write(lambda connection: repository.take_redeemable(connection, code.id))
        if row is None or not _is_right(row, name, code, request.code_verifier.get_secret_value()):
            raise InvalidAuthorizationCodeError
        login = self._sealing.open_login(row.id, name, row.login)
        if login is None:
            raise InvalidAuthorizationCodeError
        return login

    def _redirect_upstream(self, name: str) -> tuple[Provider, RedirectUpstream]:
        provider = self._providers.find(name)
        if provider is None or not isinstance(provider.adapter, (OidcAdapter, OAuth2Adapter)):
            raise UpstreamNotFoundError
        return provider, provider.adapter

    def _callback_of(self, name: str) -> str:
        assert self._public_url is not None  # the settings require it with such an upstream
        return f"{self._public_url}/api/v1/auth/upstream/{name}/callback"

    def _response_of(self, name: str, row: Returned, returned: Return) -> UpstreamResponse | None:
        secrets = self._sealing.open_secrets(row.id, name, row.secrets)
        if secrets is None:
            return None
        return UpstreamResponse(
            code=returned.code or "",
            redirect_uri=self._callback_of(name),
            code_verifier=secrets["code_verifier"] or "",
            nonce=secrets["nonce"],
            issuer=returned.issuer,
        )


def _is_allowed(redirect_uri: str, allowed: tuple[str, ...]) -> bool:
    """Compare character by character; of a loopback address any port is the same (RFC 8252 section 7.3)."""
    return redirect_uri in allowed or _without_port(redirect_uri) in {
        _without_port(one) for one in allowed
    } - {None}


def _without_port(url: str) -> str | None:
    """Return a loopback URL without its port; None for any other URL."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme != "http" or parts.hostname not in _LOOPBACK_HOSTS or "@" in parts.netloc:
        return None
    return url.replace(f":{port}", "", 1) if port is not None else url


def _is_right(row: Redeemable, name: str, code: AuthorizationCode, verifier: str) -> bool:
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode("utf-8")).digest()).rstrip(b"=")
    return (
        row.provider == name
        and hmac.compare_digest(row.code_hash, code.hash())
        and hmac.compare_digest(row.code_challenge.encode("ascii"), challenge)
    )


def _client_url(row: Returned, parameters: Mapping[str, str]) -> str:
    state = {} if row.client_state is None else {"state": row.client_state}
    separator = "&" if urlsplit(row.redirect_uri).query else "?"
    return row.redirect_uri + separator + urlencode({**parameters, **state})


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8")).digest()
