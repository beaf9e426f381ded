"""The rules of logging in at an upstream's own pages.

The client begins with a PKCE challenge of its own, the browser goes to the upstream and returns here, and the
client gets a one-time code by its redirect URI. With the code and its verifier it asks for tokens. So neither
the upstream's code nor its tokens reach a client, and an intercepted code opens nothing (RFC 7636).
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode, urlsplit

import sqlalchemy as sa
import structlog
import uuid_utils.compat as uuid7s

from doorward_auth.password_check.errors import InvalidCredentialsError
from doorward_auth.rate_limiting.limiter import AuthRateLimiter
from doorward_auth.redirect_uris import is_registered
from doorward_auth.request_source import RequestSource
from doorward_auth.sign_in.flow import Opened
from doorward_auth.tokens.token_pair import TokenPair
from doorward_auth.upstream.accounts import profile_of
from doorward_auth.upstream.errors import (
    UpstreamNotFoundError,
    UpstreamUnavailableError,
    domain_error_of,
)
from doorward_auth.upstream.grants.metrics import UpstreamMetrics
from doorward_auth.upstream.grants.provider import Provider, Providers
from doorward_auth.upstream.logins.limits import UPSTREAM_AUTHORIZATIONS
from doorward_auth.upstream.logins.session_opener import (
    CompletedLogin,
    OpenUpstreamSession,
    UpstreamSessionOpener,
)
from doorward_auth.upstream.redirects import error_responses, repository
from doorward_auth.upstream.redirects.codes import LoginCodes, RedeemedLogin, UpstreamLoginCode
from doorward_auth.upstream.redirects.errors import InvalidAuthorizationError, RedirectUriNotAllowedError
from doorward_auth.upstream.redirects.repository import NewAuthorization, ReturnedLogin
from doorward_auth.upstream.redirects.schemas import (
    UpstreamAuthorizationRequest,
    UpstreamAuthorizationResponse,
    UpstreamCodeRequest,
)
from doorward_auth.upstream.redirects.sealing import AuthorizationSealing
from doorward_auth.upstream.requests import UpstreamRequests
from doorward_auth.upstream.token_revocation import UpstreamTokenRevocation
from doorward_auth.upstream_adapters.base import (
    AuthorizationCallback,
    RedirectUpstream,
    UpstreamError,
)
from doorward_auth.upstream_adapters.oauth2 import OAuth2Adapter
from doorward_auth.upstream_adapters.oidc import OidcAdapter
from doorward_auth.vault.errors import UnopenableError
from doorward_client.request_context import current_address
from doorward_identity.resources import IdentityResources
from doorward_kit.rate_limiting.limits import LimitKey

log = structlog.get_logger(__name__)

BROWSER_SECONDS: Final = 600
CODE_SECONDS: Final = 60
PAGE_PATH: Final = "/auth/login/upstream"


@dataclass(frozen=True, slots=True, repr=False)
class CallbackParameters:
    """The parameters of the upstream's redirect: a code, or an error."""

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
        metrics: UpstreamMetrics,
        sealing: AuthorizationSealing,
        codes: LoginCodes,
        sessions: UpstreamSessionOpener,
        revocation: UpstreamTokenRevocation,
        limiter: AuthRateLimiter,
        public_url: str | None,
    ) -> None:
        self._database = resources.database
        self._providers = providers
        self._requests = requests
        self._metrics = metrics
        self._sealing = sealing
        self._codes = codes
        self._sessions = sessions
        self._revocation = revocation
        self._limiter = limiter
        self._public_url = public_url

    async def begin(self, name: str, request: UpstreamAuthorizationRequest) -> UpstreamAuthorizationResponse:
        """Return the upstream's page to send the browser to.

        Raises UpstreamNotFoundError, RedirectUriNotAllowedError, TooManyAttemptsError, and the errors of
        doorward_auth.upstream.errors.
        """
        provider, upstream = self._redirect_upstream(name)
        is_own = request.redirect_uri == self.page_of(name)
        if not is_own and not is_registered(request.redirect_uri, provider.redirect_uris, any_port=True):
            raise RedirectUriNotAllowedError
        sources = [LimitKey.of_source(UPSTREAM_AUTHORIZATIONS, current_address())]
        await self._database.read(lambda connection: self._limiter.check(connection, sources))
        try:
            begun = await self._requests.send(
                provider,
                "begin",
                lambda: upstream.begin(self._callback_of(name), fresh=request.prompt == "login"),
            )
        except UpstreamError as error:
            raise domain_error_of(error) from None
        row_id = uuid7s.uuid7()
        secrets = {
            "code_verifier": begun.code_verifier,
            "nonce": begun.nonce,
            "fresh_since": begun.fresh_since,
        }
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
        return UpstreamAuthorizationResponse(authorization_url=begun.url, expires_in=BROWSER_SECONDS)

    async def receive(self, name: str, callback: CallbackParameters) -> str:
        """Take the browser's return, and return the client's URL to send it to.

        Raises UpstreamNotFoundError, and InvalidAuthorizationError for a state that is not known: then there
        is no client to send the browser to.
        """
        provider, upstream = self._redirect_upstream(name)
        state_hash = _hash(callback.state or "")
        row = await self._database.write(
            lambda connection: repository.take_returned(connection, name, state_hash)
        )
        if row is None:
            raise InvalidAuthorizationError
        if callback.error is not None or callback.code is None:
            return _client_url(row, error_responses.parameters_of(name, callback.error, self._metrics))
        try:
            response = self._response_of(name, row, callback)
        except UnopenableError as error:
            log.error("upstream.login_unreadable", provider=name, error=type(error).__name__)  # noqa: TRY400 - the type suffices
            return _client_url(row, _unavailable(UpstreamUnavailableError.code))
        try:
            login = await self._revocation.send_or_revoke(
                provider, "login", lambda: upstream.exchange(response)
            )
        except UpstreamError as error:
            problem = domain_error_of(error)
            is_denied = isinstance(problem, InvalidCredentialsError)
            denied = {"error": "access_denied", "error_description": problem.code}
            return _client_url(row, denied if is_denied else _unavailable(problem.code))
        code = UpstreamLoginCode.issue(row.id)
        sealed = self._sealing.seal_login(row.id, name, login)
        async with self._revocation.revoke_on_error(provider, login):
            is_stored = await self._database.write(
                lambda connection: repository.store_login(
                    connection, row.id, sealed, code.hash(), seconds=CODE_SECONDS
                )
            )
        if not is_stored:
            await self._revocation.revoke(provider, login)
            return _client_url(row, {"error": "access_denied"})
        return _client_url(row, {"code": str(code)})

    async def finish(self, name: str, request: UpstreamCodeRequest, source: RequestSource) -> TokenPair:
        """Exchange a one-time code for a token pair.

        Raises as LoginCodes.redeem and UpstreamSessionOpener.open do.
        """
        provider, _ = self._redirect_upstream(name)
        completed = _completed(provider, await self._codes.redeem(name, request), source)
        return await self._sessions.open(completed)

    async def finish_with(
        self,
        name: str,
        request: UpstreamCodeRequest,
        source: RequestSource,
        open_session: OpenUpstreamSession[Opened],
    ) -> Opened:
        """Exchange a one-time code for what `open_session` opens; raises as `finish` does."""
        provider, _ = self._redirect_upstream(name)
        completed = _completed(provider, await self._codes.redeem(name, request), source)
        return await self._sessions.open_with(completed, open_session)

    def page_of(self, name: str) -> str:
        """Return the URL of our own page that a login comes back to; raises UpstreamNotFoundError."""
        self._redirect_upstream(name)
        return f"{self._public_url}{PAGE_PATH}/{name}"

    def _redirect_upstream(self, name: str) -> tuple[Provider, RedirectUpstream]:
        provider = self._providers.find(name)
        if provider is None or not isinstance(provider.adapter, (OidcAdapter, OAuth2Adapter)):
            raise UpstreamNotFoundError
        return provider, provider.adapter

    def _callback_of(self, name: str) -> str:
        assert self._public_url is not None  # the settings require it with such an upstream
        return f"{self._public_url}/api/v1/auth/upstream/{name}/callback"

    def _response_of(
        self, name: str, row: ReturnedLogin, callback: CallbackParameters
    ) -> AuthorizationCallback:
        """Return what the exchange needs; raises UnopenableError."""
        secrets = self._sealing.open_secrets(row.id, name, row.secrets)
        return AuthorizationCallback(
            code=callback.code or "",
            redirect_uri=self._callback_of(name),
            code_verifier=secrets["code_verifier"] or "",
            nonce=secrets["nonce"],
            issuer=callback.issuer,
            fresh_since=secrets.get("fresh_since"),
        )


def _completed(provider: Provider, redeemed: RedeemedLogin, source: RequestSource) -> CompletedLogin:
    login = redeemed.login
    return CompletedLogin(provider, login, profile_of(login.user), source, release=redeemed.release)


def _client_url(row: ReturnedLogin, parameters: Mapping[str, str]) -> str:
    state = {} if row.client_state is None else {"state": row.client_state}
    separator = "&" if urlsplit(row.redirect_uri).query else "?"
    return row.redirect_uri + separator + urlencode({**parameters, **state})


def _unavailable(code: str) -> Mapping[str, str]:
    return {"error": "temporarily_unavailable", "error_description": code}


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8")).digest()
