"""The rules of registering at an upstream, the one request that cannot be taken back or repeated."""

import hashlib
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import sqlalchemy as sa
import structlog

from doorward_auth.captcha.service import Captcha, CaptchaToken
from doorward_auth.captcha.settings import CaptchaAction
from doorward_auth.rate_limiting.limiter import AuthRateLimiter
from doorward_auth.request_source import RequestSource
from doorward_auth.tokens.token_pair import TokenPair
from doorward_auth.upstream import registrations
from doorward_auth.upstream.accounts import NewUserProfile, UpstreamAccounts, profile_of
from doorward_auth.upstream.errors import UpstreamNotFoundError, domain_error_of
from doorward_auth.upstream.grants.provider import Provider, Providers
from doorward_auth.upstream.logins.attempts import login_name
from doorward_auth.upstream.logins.errors import RegistrationInProgressError
from doorward_auth.upstream.logins.limits import UPSTREAM_REGISTRATIONS
from doorward_auth.upstream.logins.password_login import PasswordLogins, Proven, password_upstream
from doorward_auth.upstream.logins.schemas import UpstreamRegistrationRequest
from doorward_auth.upstream.logins.session_opener import CompletedLogin, UpstreamSessionOpener
from doorward_auth.upstream.registrations import IdempotencyDecision, RegistrationKey
from doorward_auth.upstream.token_revocation import UpstreamTokenRevocation
from doorward_auth.upstream_adapters.base import (
    Arrival,
    FailedError,
    Image,
    MalformedAnswerError,
    UnreachableError,
    UpstreamError,
    UpstreamRegistration,
    WrongPasswordError,
)
from doorward_auth.upstream_adapters.rest import RestAdapter
from doorward_client.request_context import current_address
from doorward_identity.emails import email_key
from doorward_identity.names import default_name
from doorward_identity.passwords import charges
from doorward_identity.resources import IdentityResources
from doorward_kit.idempotency import IdempotencyKeyReusedError
from doorward_kit.rate_limiting.limits import LimitKey

log = structlog.get_logger(__name__)


class UpstreamRegistrations:
    """Registers users at upstreams and here."""

    def __init__(  # noqa: PLR0913, PLR0917 - what the rules work with
        self,
        resources: IdentityResources,
        providers: Providers,
        revocation: UpstreamTokenRevocation,
        accounts: UpstreamAccounts,
        logins: PasswordLogins,
        sessions: UpstreamSessionOpener,
        limiter: AuthRateLimiter,
        captcha: Captcha,
    ) -> None:
        self._database = resources.database
        self._avatars = resources.avatars
        self._providers = providers
        self._revocation = revocation
        self._accounts = accounts
        self._logins = logins
        self._sessions = sessions
        self._limiter = limiter
        self._captcha = captcha

    async def register(
        self,
        name: str,
        request: UpstreamRegistrationRequest,
        image: bytes | None,
        captcha: CaptchaToken,
        idempotency_key: str | None,
        source: RequestSource,
    ) -> TokenPair:
        """Create an account at an upstream and here, and open a session.

        Of requests with the same `idempotency_key` one is sent. After a lost answer a repeated one logs in
        first, and registers only if the upstream does not know the user. That login is a guess as any other.

        Raises UpstreamNotFoundError, RegistrationClosedError, DomainNotAllowedError, TooManyAttemptsError,
        IdempotencyKeyReusedError, RegistrationInProgressError, the errors of doorward_auth.upstream.errors,
        and as Captcha.require and UpstreamSessionOpener.open do.
        """
        provider, upstream = password_upstream(self._providers, name)
        if not upstream.can_register:
            raise UpstreamNotFoundError
        self._accounts.require_open(NewUserProfile(request.email, request.name))
        sources = [LimitKey.of_source(UPSTREAM_REGISTRATIONS, current_address())]
        await self._database.read(lambda connection: self._limiter.check(connection, sources))
        await self._captcha.require(CaptchaAction.REGISTER, captcha)
        # Before a byte leaves: an image that is rejected here must not have created an account there.
        avatar = None if image is None else await self._avatars.render(image, charges.by_source())
        key = _key_of(name, request, image, idempotency_key)

        def begin(connection: sa.Connection) -> IdempotencyDecision:
            self._limiter.acquire(connection, sources)
            if key is None:
                return IdempotencyDecision.SEND
            return registrations.claim(connection, key, seconds=provider.policy.lease_seconds)

        decision = await self._database.write(begin)
        match decision:
            case IdempotencyDecision.REJECT:
                raise IdempotencyKeyReusedError
            case IdempotencyDecision.WAIT:
                raise RegistrationInProgressError
        sent = UpstreamRegistration(
            email=request.email,
            password=request.password.get_secret_value(),
            name=request.name or default_name(request.email),
            username=request.username,
            image=None if avatar is None else Image(avatar.large, "image/webp", "picture.webp"),
        )

        def finish(connection: sa.Connection, user_id: uuid.UUID) -> None:
            if key is not None:
                registrations.finish(connection, key, user_id)

        async with self._unknown_on_error(key):
            proven = await self._obtain(provider, upstream, sent, decision, key)
            async with self._revocation.revoke_on_error(provider, proven.login):
                reference = None if avatar is None else await self._avatars.add(avatar)
            profile = profile_of(proven.login.user, email=request.email, name=sent.name, avatar=reference)
            completed = CompletedLogin(provider, proven.login, profile, source, login_name=proven.login_name)
            return await self._sessions.open(completed, before=proven.require_allowed, after=finish)

    @asynccontextmanager
    async def _unknown_on_error(self, key: RegistrationKey | None) -> AsyncIterator[None]:
        """Let a repeated request log in at once if the block fails, whatever the reason.

        As far as the database allows: after a crash it waits until the lease ends.
        """
        try:
            yield
        except Exception:
            try:
                await self._note(registrations.mark_unknown, key)
            except Exception as error:  # noqa: BLE001 - the caller must get its error, and not this error
                log.warning("upstream.registration_not_noted", error=type(error).__name__)
            raise

    async def _obtain(
        self,
        provider: Provider,
        upstream: RestAdapter,
        sent: UpstreamRegistration,
        decision: IdempotencyDecision,
        key: RegistrationKey | None,
    ) -> Proven:
        """Register, or log in if an earlier request may have registered."""
        identifier = sent.email if upstream.login_by == "email" else sent.username or sent.email
        if decision is not IdempotencyDecision.SEND:
            found = await self._log_in(provider, upstream, identifier, sent.password, decision)
            if found is not None:
                return found
        try:
            login = await self._revocation.send_or_revoke(
                provider, "register", lambda: upstream.register(sent)
            )
        except UpstreamError as error:
            if not _may_have_acted(error):
                await self._note(registrations.withdraw, key)
            raise domain_error_of(error) from None
        return Proven(login, login_name(provider.name, identifier))

    async def _log_in(
        self,
        provider: Provider,
        upstream: RestAdapter,
        identifier: str,
        password: str,
        decision: IdempotencyDecision,
    ) -> Proven | None:
        """Log in with what an earlier request registered; None if the upstream does not know the user."""
        try:
            return await self._logins.attempt(provider, upstream, identifier, password)
        except WrongPasswordError as error:
            if decision is IdempotencyDecision.REPEAT:
                raise domain_error_of(error) from None
            return None
        except UpstreamError as error:
            raise domain_error_of(error) from None

    async def _note(
        self, note: Callable[[sa.Connection, RegistrationKey], None], key: RegistrationKey | None
    ) -> None:
        if key is not None:
            await self._database.write(lambda connection: note(connection, key))


def _may_have_acted(error: UpstreamError) -> bool:
    """Tell whether the upstream may have created the account."""
    if isinstance(error, UnreachableError):
        return error.arrival is Arrival.UNKNOWN
    return isinstance(error, (FailedError, MalformedAnswerError))


def _key_of(
    provider: str, request: UpstreamRegistrationRequest, image: bytes | None, key: str | None
) -> RegistrationKey | None:
    if key is None:
        return None
    picture = b"" if image is None else hashlib.sha256(image).digest()
    texts = (request.email, request.name or "", request.username or "")
    parts = [*(text.encode("utf-8") for text in texts), picture]
    return RegistrationKey.of(provider, key, email_key(request.email), *parts)
