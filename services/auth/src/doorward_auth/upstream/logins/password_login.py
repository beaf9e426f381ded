"""The rules of logging in at an upstream that takes the password from us."""

from dataclasses import dataclass

import sqlalchemy as sa

from doorward_auth.known_devices import DeviceToken
from doorward_auth.sessions.repository import Origin
from doorward_auth.tokens.token_pair import TokenPair
from doorward_auth.upstream.accounts import profile_of
from doorward_auth.upstream.errors import UpstreamNotFoundError, refusal_of
from doorward_auth.upstream.grants.provider import Provider, Providers
from doorward_auth.upstream.logins.attempts import LoginAttempts
from doorward_auth.upstream.logins.entry import Entry, UpstreamEntry
from doorward_auth.upstream.logins.errors import IdentifierRequiredError
from doorward_auth.upstream.logins.schemas import UpstreamLoginRequest
from doorward_auth.upstream.requests import UpstreamRequests
from doorward_auth.upstream_adapters.base import UpstreamError, UpstreamLogin, WrongPasswordError
from doorward_auth.upstream_adapters.rest import RestAdapter
from doorward_identity.resources import IdentityResources
from doorward_kit.unit_of_work import Work


def password_upstream(providers: Providers, name: str) -> tuple[Provider, RestAdapter]:
    """Return an upstream that takes passwords; raises UpstreamNotFoundError."""
    provider = providers.find(name)
    if provider is None or not isinstance(provider.adapter, RestAdapter):
        raise UpstreamNotFoundError
    return provider, provider.adapter


def _allow(_connection: sa.Connection) -> None:
    """Refuse nothing."""


@dataclass(frozen=True, slots=True, repr=False)
class Proven:
    """A login at an upstream. `require_allowed` is called first in the transaction that it is for."""

    login: UpstreamLogin
    device: DeviceToken | None = None
    require_allowed: Work[None] = _allow


class PasswordLogins:
    """Logs users in. The request is sent outside of any transaction; what follows it is one transaction."""

    def __init__(
        self,
        resources: IdentityResources,
        providers: Providers,
        requests: UpstreamRequests,
        attempts: LoginAttempts,
        entry: UpstreamEntry,
    ) -> None:
        self._database = resources.database
        self._providers = providers
        self._requests = requests
        self._attempts = attempts
        self._entry = entry

    async def log_in(self, name: str, request: UpstreamLoginRequest, origin: Origin) -> TokenPair:
        """Log in at an upstream and open a session here; raises as `prove` and UpstreamEntry.enter do."""
        proven = await self.prove(name, request)
        provider, _ = password_upstream(self._providers, name)
        profile = profile_of(proven.login.user, email=request.email)
        entry = Entry(provider, proven.login, profile, origin, proven.device)
        return await self._entry.enter(entry, before=proven.require_allowed)

    async def prove(self, name: str, request: UpstreamLoginRequest) -> Proven:
        """Log in at an upstream, and no more.

        Raises UpstreamNotFoundError, IdentifierRequiredError, TooManyAttemptsError, InvalidCredentialsError,
        and the errors of doorward_auth.upstream.errors.
        """
        provider, upstream = password_upstream(self._providers, name)
        identifier = identifier_of(upstream.login_by, request)
        password = request.password.get_secret_value()
        device = None if request.device_token is None else request.device_token.get_secret_value()
        attempt = await self._database.read(
            lambda connection: self._attempts.begin(connection, name, identifier, device)
        )
        try:
            login = await self._requests.send(
                provider, "login", lambda: upstream.log_in(identifier, password)
            )
        except UpstreamError as error:
            if isinstance(error, WrongPasswordError):
                await self._database.write(
                    lambda connection: self._attempts.record_failure(connection, attempt)
                )
            raise refusal_of(error) from None
        return Proven(
            login, attempt.device, lambda connection: self._attempts.require_allowed(connection, attempt)
        )


def identifier_of(login_by: str, request: UpstreamLoginRequest) -> str:
    """Return what the upstream logs in by; raises IdentifierRequiredError."""
    given = {"email": request.email, "username": request.username}
    identifier = given.pop(login_by)
    if identifier is None or any(given.values()):
        raise IdentifierRequiredError(login_by)
    return identifier
