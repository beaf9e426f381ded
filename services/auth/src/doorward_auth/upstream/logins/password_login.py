"""The rules of logging in at an upstream that takes the password from us."""

from dataclasses import dataclass

from doorward_auth.known_devices import DeviceToken
from doorward_auth.request_source import RequestSource
from doorward_auth.sign_in.flow import Opened
from doorward_auth.tokens.token_pair import TokenPair
from doorward_auth.upstream.accounts import profile_of
from doorward_auth.upstream.errors import UpstreamNotFoundError, domain_error_of
from doorward_auth.upstream.grants.provider import Provider, Providers
from doorward_auth.upstream.logins.attempts import LoginAttempts
from doorward_auth.upstream.logins.errors import IdentifierRequiredError
from doorward_auth.upstream.logins.schemas import UpstreamLoginRequest
from doorward_auth.upstream.logins.session_opener import (
    CompletedLogin,
    OpenUpstreamSession,
    UpstreamSessionOpener,
)
from doorward_auth.upstream.token_revocation import UpstreamTokenRevocation
from doorward_auth.upstream_adapters.base import UpstreamError, UpstreamLogin, WrongPasswordError
from doorward_auth.upstream_adapters.rest import RestAdapter
from doorward_identity.resources import IdentityResources
from doorward_kit.unit_of_work import Work, do_nothing


def password_upstream(providers: Providers, name: str) -> tuple[Provider, RestAdapter]:
    """Return an upstream that takes passwords; raises UpstreamNotFoundError."""
    provider = providers.find(name)
    if provider is None or not isinstance(provider.adapter, RestAdapter):
        raise UpstreamNotFoundError
    return provider, provider.adapter


@dataclass(frozen=True, slots=True, repr=False)
class Proven:
    """A login at an upstream. `require_allowed` is called first in the transaction that it is for.

    `device` is known, and a new one will be, with `login_name`. `release` joins the transaction that stores
    or revokes the tokens.
    """

    login: UpstreamLogin
    login_name: str | None = None
    device: DeviceToken | None = None
    require_allowed: Work[None] = do_nothing
    release: Work[None] = do_nothing


class PasswordLogins:
    """Logs users in. The request is sent outside of any transaction; what follows it is one transaction."""

    def __init__(
        self,
        resources: IdentityResources,
        providers: Providers,
        revocation: UpstreamTokenRevocation,
        attempts: LoginAttempts,
        sessions: UpstreamSessionOpener,
    ) -> None:
        self._database = resources.database
        self._providers = providers
        self._revocation = revocation
        self._attempts = attempts
        self._sessions = sessions

    async def log_in(self, name: str, request: UpstreamLoginRequest, source: RequestSource) -> TokenPair:
        """Log in at an upstream and open a session; raises as `prove` and UpstreamSessionOpener.open."""
        proven = await self.prove(name, request)
        completed = self._completed(name, request, proven, source)
        return await self._sessions.open(completed, before=proven.require_allowed)

    async def log_in_with(
        self,
        name: str,
        request: UpstreamLoginRequest,
        source: RequestSource,
        open_session: OpenUpstreamSession[Opened],
    ) -> Opened:
        """Log in at an upstream and open what `open_session` opens; raises as `log_in` does."""
        proven = await self.prove(name, request)
        completed = self._completed(name, request, proven, source)
        return await self._sessions.open_with(completed, open_session, before=proven.require_allowed)

    def login_fields(self) -> dict[str, str]:
        """Return what users log in by, `email` or `username`, at each upstream that takes passwords."""
        upstreams = ((provider.name, provider.adapter) for provider in self._providers.all())
        return {name: adapter.login_by for name, adapter in upstreams if isinstance(adapter, RestAdapter)}

    def _completed(
        self, name: str, request: UpstreamLoginRequest, proven: Proven, source: RequestSource
    ) -> CompletedLogin:
        provider, _ = password_upstream(self._providers, name)
        profile = profile_of(proven.login.user, email=request.email)
        return CompletedLogin(provider, proven.login, profile, source, proven.device, proven.login_name)

    async def prove(self, name: str, request: UpstreamLoginRequest) -> Proven:
        """Log in at an upstream, and no more.

        Raises UpstreamNotFoundError, IdentifierRequiredError, TooManyAttemptsError, InvalidCredentialsError,
        and the errors of doorward_auth.upstream.errors.
        """
        provider, upstream = password_upstream(self._providers, name)
        identifier = identifier_of(upstream.login_by, request)
        device = None if request.device_token is None else request.device_token.get_secret_value()
        try:
            return await self.attempt(
                provider, upstream, identifier, request.password.get_secret_value(), device
            )
        except UpstreamError as error:
            raise domain_error_of(error) from None

    async def attempt(
        self,
        provider: Provider,
        upstream: RestAdapter,
        identifier: str,
        password: str,
        device_token: str | None = None,
    ) -> Proven:
        """Try a password within the limits of guesses; raises TooManyAttemptsError, UpstreamError.

        Every password that goes to an upstream's login goes through here.
        """
        name = provider.name
        attempt = await self._database.read(
            lambda connection: self._attempts.begin(connection, name, identifier, device_token)
        )
        try:
            login = await self._revocation.send_or_revoke(
                provider, "login", lambda: upstream.log_in(identifier, password)
            )
        except WrongPasswordError:
            await self._database.write(lambda connection: self._attempts.record_failure(connection, attempt))
            raise
        return Proven(
            login,
            attempt.login_name,
            attempt.device,
            lambda connection: self._attempts.require_allowed(connection, attempt),
        )


def identifier_of(login_by: str, request: UpstreamLoginRequest) -> str:
    """Return what the upstream logs in by; raises IdentifierRequiredError."""
    identifiers = {"email": request.email, "username": request.username}
    identifier = identifiers.pop(login_by)
    if identifier is None or any(identifiers.values()):
        raise IdentifierRequiredError(login_by)
    return identifier
