"""The rules of logging in at an upstream that takes the password from us."""

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
from doorward_auth.upstream_adapters.base import UpstreamError, WrongPasswordError
from doorward_auth.upstream_adapters.rest import RestAdapter
from doorward_identity.resources import IdentityResources


def password_upstream(providers: Providers, name: str) -> tuple[Provider, RestAdapter]:
    """Return an upstream that takes passwords; raises UpstreamNotFoundError."""
    provider = providers.find(name)
    if provider is None or not isinstance(provider.adapter, RestAdapter):
        raise UpstreamNotFoundError
    return provider, provider.adapter


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
        """Log in at an upstream and open a session here.

        Raises UpstreamNotFoundError, IdentifierRequiredError, TooManyAttemptsError, InvalidCredentialsError,
        the errors of doorward_auth.upstream.errors, and as UpstreamEntry.enter does.
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
        entry = Entry(provider, login, profile_of(login.user, email=request.email), origin, attempt.device)
        return await self._entry.enter(
            entry, before=lambda connection: self._attempts.require_allowed(connection, attempt)
        )


def identifier_of(login_by: str, request: UpstreamLoginRequest) -> str:
    """Return what the upstream logs in by; raises IdentifierRequiredError."""
    given = {"email": request.email, "username": request.username}
    identifier = given.pop(login_by)
    if identifier is None or any(given.values()):
        raise IdentifierRequiredError(login_by)
    return identifier
