"""The rules of registering at an upstream, the one request that cannot be taken back or repeated."""

import hashlib
import uuid

import sqlalchemy as sa

from doorward_auth.captcha.service import Captcha, CaptchaToken
from doorward_auth.captcha.settings import CaptchaAction
from doorward_auth.rate_limiting.limiter import RateLimiter
from doorward_auth.sessions.repository import Origin
from doorward_auth.tokens.token_pair import TokenPair
from doorward_auth.upstream import registrations
from doorward_auth.upstream.accounts import Profile, UpstreamAccounts, profile_of
from doorward_auth.upstream.errors import UpstreamNotFoundError, refusal_of
from doorward_auth.upstream.grants.provider import Provider, Providers
from doorward_auth.upstream.logins.entry import Entry, UpstreamEntry
from doorward_auth.upstream.logins.errors import RegistrationInProgressError
from doorward_auth.upstream.logins.limits import UPSTREAM_REGISTRATIONS
from doorward_auth.upstream.logins.password_login import password_upstream
from doorward_auth.upstream.logins.schemas import UpstreamRegistrationRequest
from doorward_auth.upstream.registrations import Claim, RegistrationKey
from doorward_auth.upstream.requests import UpstreamRequests
from doorward_auth.upstream_adapters.base import (
    Arrival,
    FailedError,
    Image,
    MalformedAnswerError,
    UnreachableError,
    UpstreamError,
    UpstreamLogin,
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
from doorward_kit.rate_limiting.keys import LimitKey


class UpstreamRegistrations:
    """Registers users at upstreams and here."""

    def __init__(  # noqa: PLR0913, PLR0917 - what the rules work with
        self,
        resources: IdentityResources,
        providers: Providers,
        requests: UpstreamRequests,
        accounts: UpstreamAccounts,
        entry: UpstreamEntry,
        limiter: RateLimiter,
        captcha: Captcha,
    ) -> None:
        self._database = resources.database
        self._avatars = resources.avatars
        self._providers = providers
        self._requests = requests
        self._accounts = accounts
        self._entry = entry
        self._limiter = limiter
        self._captcha = captcha

    async def register(
        self,
        name: str,
        request: UpstreamRegistrationRequest,
        image: bytes | None,
        captcha: CaptchaToken,
        idempotency_key: str | None,
        origin: Origin,
    ) -> TokenPair:
        """Create an account at an upstream and here, and open a session.

        Of requests with the same `idempotency_key` one is sent. After a lost answer a repeated one logs in
        first, and registers only if the upstream does not know the user.

        Raises UpstreamNotFoundError, RegistrationClosedError, DomainNotAllowedError, TooManyAttemptsError,
        IdempotencyKeyReusedError, RegistrationInProgressError, the errors of doorward_auth.upstream.errors,
        and as Captcha.require and UpstreamEntry.enter do.
        """
        provider, upstream = password_upstream(self._providers, name)
        if not upstream.can_register:
            raise UpstreamNotFoundError
        self._accounts.require_open(Profile(request.email, request.name))
        sources = [LimitKey.of_source(UPSTREAM_REGISTRATIONS, current_address())]
        await self._database.read(lambda connection: self._limiter.check(connection, sources))
        await self._captcha.require(CaptchaAction.REGISTER, captcha)
        # Before a byte leaves: an image that is refused here must not have created an account there.
        avatar = None if image is None else await self._avatars.render(image, charges.by_source())
        key = _key_of(name, request, image, idempotency_key)

        def begin(connection: sa.Connection) -> Claim:
            self._limiter.acquire(connection, sources)
            if key is None:
                return Claim.SEND
            return registrations.claim(connection, key, seconds=provider.policy.lease_seconds)

        claim = await self._database.write(begin)
        sent = UpstreamRegistration(
            email=request.email,
            password=request.password.get_secret_value(),
            name=request.name or default_name(request.email),
            username=request.username,
            image=None if avatar is None else Image(avatar.large, "image/webp", "picture.webp"),
        )
        login = await self._obtain(provider, upstream, sent, claim, key)
        reference = None if avatar is None else await self._avatars.add(avatar)
        profile = profile_of(login.user, email=request.email, name=sent.name, avatar=reference)

        def finish(connection: sa.Connection, user_id: uuid.UUID) -> None:
            if key is not None:
                registrations.finish(connection, key, user_id)

        return await self._entry.enter(Entry(provider, login, profile, origin), after=finish)

    async def _obtain(
        self,
        provider: Provider,
        upstream: RestAdapter,
        sent: UpstreamRegistration,
        claim: Claim,
        key: RegistrationKey | None,
    ) -> UpstreamLogin:
        """Register, or log in if an earlier request may have registered."""
        match claim:
            case Claim.REFUSE:
                raise IdempotencyKeyReusedError
            case Claim.WAIT:
                raise RegistrationInProgressError
        identifier = sent.email if upstream.login_by == "email" else sent.username or ""
        try:
            if claim in {Claim.REPEAT, Claim.LOG_IN_FIRST}:
                try:
                    return await self._requests.send(
                        provider, "login", lambda: upstream.log_in(identifier, sent.password)
                    )
                except WrongPasswordError:
                    if claim is Claim.REPEAT:
                        raise
            return await self._requests.send(provider, "register", lambda: upstream.register(sent))
        except UpstreamError as error:
            await self._note_failure(error, claim, key)
            raise refusal_of(error) from None

    async def _note_failure(self, error: UpstreamError, claim: Claim, key: RegistrationKey | None) -> None:
        if key is None or claim is Claim.REPEAT:
            return
        note = registrations.mark_unknown if _may_have_acted(error) else registrations.withdraw
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
