"""The transaction that follows a login at an upstream: account, session and grant, or nothing of them."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Generic

import sqlalchemy as sa
import structlog

from doorward_auth.account_repository import Account, AccountChangedError
from doorward_auth.known_devices import DeviceToken
from doorward_auth.password_check.errors import InvalidCredentialsError
from doorward_auth.request_source import RequestSource
from doorward_auth.sign_in.errors import denial_error
from doorward_auth.sign_in.flow import Opened, now
from doorward_auth.sign_in.opening import SessionOpener
from doorward_auth.sign_in.steps import Authenticated, Denied, Proof, StepRequired, next_step, state_of
from doorward_auth.signing import Signer
from doorward_auth.tokens.token_pair import SessionGrant, TokenPair, issue_pair
from doorward_auth.upstream import identities
from doorward_auth.upstream.accounts import NewUserProfile, UpstreamAccounts
from doorward_auth.upstream.grants.provider import Provider
from doorward_auth.upstream.grants.service import GrantService, IssuedGrant
from doorward_auth.upstream.link_errors import AlreadyLinkedError
from doorward_auth.upstream.pictures.follower import PictureFollower
from doorward_auth.upstream.roles import UpstreamRoles
from doorward_auth.upstream.token_revocation import UpstreamTokenRevocation
from doorward_auth.upstream_adapters.base import UpstreamLogin
from doorward_client.errors import DoorwardError
from doorward_identity.accounts import EmailTakenError
from doorward_identity.resources import IdentityResources
from doorward_kit.unit_of_work import Work, do_nothing

log = structlog.get_logger(__name__)

_ATTEMPTS = 3
"""Another request may be faster: what it did is found by the next attempt."""


@dataclass(frozen=True, slots=True, repr=False)
class CompletedLogin:
    """A login to turn into a session.

    `device` is the one that its user is known by, `login_name` what a new one will be known with. `release`
    joins the transaction that stores or revokes the tokens.
    """

    provider: Provider
    login: UpstreamLogin
    profile: NewUserProfile
    source: RequestSource
    device: DeviceToken | None = None
    login_name: str | None = None
    release: Work[None] = do_nothing


OpenUpstreamSession = Callable[[sa.Connection, Account, Authenticated, datetime, CompletedLogin], Opened]
"""Opens a session for a login; raises AccountChangedError."""


@dataclass(frozen=True, slots=True)
class _OpenedSession(Generic[Opened]):
    """A session that is open, its user, and whether the user got another role."""

    session: Opened
    user_id: uuid.UUID
    has_new_role: bool


_OpenWithGrant = Callable[[sa.Connection, Account, Authenticated], tuple[Opened, uuid.UUID | None]]
"""Opens a session; also returns the id of the one that the grant belongs to. Without one it is the user's."""

_WithUser = Callable[[sa.Connection, uuid.UUID], None]


class UpstreamSessionOpener:
    """Opens sessions of users who have logged in at an upstream."""

    def __init__(  # noqa: PLR0913, PLR0917 - what the transaction works with
        self,
        resources: IdentityResources,
        accounts: UpstreamAccounts,
        roles: UpstreamRoles,
        grants: GrantService,
        revocation: UpstreamTokenRevocation,
        opener: SessionOpener,
        signer: Signer,
        pictures: PictureFollower,
    ) -> None:
        self._database = resources.database
        self._revocations = resources.revocation_poller
        self._accounts = accounts
        self._roles = roles
        self._grants = grants
        self._revocation = revocation
        self._opener = opener
        self._signer = signer
        self._pictures = pictures

    async def open(
        self, completed: CompletedLogin, *, before: Work[None] = do_nothing, after: _WithUser | None = None
    ) -> TokenPair:
        """Find or create the account, and open a session with its grant.

        `before` and `after` join the transaction: one may reject, the other gets the user's id. Tokens of a
        rejected login are revoked at the upstream.

        Raises RegistrationClosedError, DomainNotAllowedError, AccountDisabledError, and
        InvalidCredentialsError where the account changes all the time.
        """

        def open_with_grant(
            connection: sa.Connection, account: Account, authenticated: Authenticated
        ) -> tuple[SessionGrant, uuid.UUID | None]:
            opened = self._opener.open(
                connection,
                account,
                authenticated,
                _auth_time(completed.login),
                completed.source,
                completed.device,
                extensions=completed.login.user.claims,
                login_name=completed.login_name,
            )
            return opened, opened.token.session_id

        grant = await self._open(completed, open_with_grant, before, after)
        log.info(
            "login.succeeded",
            user_id=str(grant.user_id),
            session_id=str(grant.token.session_id),
            provider=completed.provider.name,
        )
        return issue_pair(self._signer, grant)

    async def open_with(
        self,
        completed: CompletedLogin,
        open_session: OpenUpstreamSession[Opened],
        *,
        before: Work[None] = do_nothing,
    ) -> Opened:
        """Find or create the account, and open what `open_session` opens; its grant belongs to the user.

        Raises as `open` does.
        """

        def open_with_grant(
            connection: sa.Connection, account: Account, authenticated: Authenticated
        ) -> tuple[Opened, uuid.UUID | None]:
            return open_session(
                connection, account, authenticated, _auth_time(completed.login), completed
            ), None

        return await self._open(completed, open_with_grant, before)

    async def _open(
        self,
        completed: CompletedLogin,
        open_with_grant: _OpenWithGrant[Opened],
        before: Work[None] = do_nothing,
        after: _WithUser | None = None,
    ) -> Opened:
        def work(connection: sa.Connection) -> _OpenedSession[Opened] | DoorwardError:
            before(connection)
            account = self._account(connection, completed)
            if after is not None:
                after(connection, account.id)
            authenticated = _decide(account)
            if isinstance(authenticated, DoorwardError):
                return authenticated
            current = self._roles.apply(connection, completed.provider.name, completed.login.user, account)
            session, session_id = open_with_grant(connection, current, authenticated)
            issued = IssuedGrant(account.id, completed.provider, session_id, completed.login.tokens)
            self._grants.store(connection, issued)
            # Not before: a rejection that is returned commits, and its tokens are stored after that.
            completed.release(connection)
            return _OpenedSession(session, account.id, has_new_role=current.role != account.role)

        async with self._revocation.revoke_on_error(completed.provider, completed.login, completed.release):
            opened_session = await self._write(work)
        if opened_session.has_new_role:
            self._revocations.wake()
        self._pictures.follow(completed.provider.name, opened_session.user_id, completed.login.user)
        return opened_session.session

    async def _write(self, work: Work[_OpenedSession[Opened] | DoorwardError]) -> _OpenedSession[Opened]:
        failure: DoorwardError = InvalidCredentialsError()
        for _ in range(_ATTEMPTS):
            try:
                return await self._database.write_outcome(work)
            except AccountChangedError:
                continue
            except (AlreadyLinkedError, EmailTakenError) as error:
                failure = error
        raise failure

    def _account(self, connection: sa.Connection, completed: CompletedLogin) -> Account:
        name, user = completed.provider.name, completed.login.user
        found = self._accounts.find(connection, name, user)
        if found is None:
            return self._accounts.create(connection, name, user, completed.profile)
        identities.note_username(connection, found.id, name, user.username)
        return found


def _auth_time(login: UpstreamLogin) -> datetime:
    """Return when the user gave a proof: an upstream's own session may be older than this login."""
    return now() if login.auth_time is None else datetime.fromtimestamp(login.auth_time, UTC)


def _decide(account: Account) -> Authenticated | DoorwardError:
    """Decide about an account whose user has logged in at an upstream."""
    decision = next_step(state_of(account), frozenset({Proof.FEDERATED}))
    match decision:
        case Denied():
            return denial_error(decision)
        case StepRequired():
            raise AssertionError("a login at an upstream needs no step here")
        case Authenticated():
            return decision
