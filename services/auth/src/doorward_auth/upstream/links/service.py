"""The rules of a user's links to upstreams."""

import uuid
from collections.abc import Iterable, Sequence
from datetime import timedelta

import sqlalchemy as sa
import structlog

from doorward_auth import account_repository
from doorward_auth.account_repository import Account
from doorward_auth.request_source import RequestSource
from doorward_auth.sessions import repository as sessions
from doorward_auth.upstream import identities
from doorward_auth.upstream.errors import (
    UpstreamNotFoundError,
    UpstreamReauthenticationRequiredError,
    UpstreamUnavailableError,
)
from doorward_auth.upstream.grants import repository as grants
from doorward_auth.upstream.grants.models import GrantRow
from doorward_auth.upstream.grants.provider import Providers
from doorward_auth.upstream.grants.service import AnswerStatus, GrantAnswer, GrantService, IssuedGrant
from doorward_auth.upstream.identities import LinkedIdentity
from doorward_auth.upstream.link_errors import AlreadyLinkedError
from doorward_auth.upstream.links import repository
from doorward_auth.upstream.links.errors import (
    ClientNotPermittedError,
    NotLinkedError,
    OnlySignInError,
    RecentLoginRequiredError,
)
from doorward_auth.upstream.links.schemas import UpstreamAccessToken, UpstreamLink, UpstreamLinks
from doorward_auth.upstream.links.state import state_of
from doorward_auth.upstream.logins.password_login import PasswordLogins, Proven
from doorward_auth.upstream.pictures.follower import PictureFollower
from doorward_auth.upstream.redirects.codes import LoginCodes
from doorward_auth.upstream.redirects.schemas import UpstreamCodeRequest
from doorward_auth.upstream.token_revocation import UpstreamTokenRevocation
from doorward_auth.upstream.tokens.dependencies import UpstreamCredentials
from doorward_auth.upstream_adapters.base import UpstreamUser
from doorward_client.bearer_auth import InvalidAccessTokenError
from doorward_client.tokens import Claims
from doorward_identity.accounts import SessionEnd
from doorward_identity.audit.own_events import TOKEN_READS, require_room
from doorward_identity.audit.repository import AuditAction, record
from doorward_identity.current_account import require_unchanged_account
from doorward_identity.mail_types import MailName, enqueue_mail
from doorward_identity.resources import IdentityResources
from doorward_identity.sessions import end_session

log = structlog.get_logger(__name__)

RECENT = timedelta(minutes=10)
TOKEN_BUDGET_SECONDS = 5.0
"""How long a caller waits for a refresh. It goes on without its caller."""


class UpstreamLinkService:
    """Lists, adds and removes links, and gives fresh access tokens."""

    def __init__(  # noqa: PLR0913, PLR0917 - what the rules work with
        self,
        resources: IdentityResources,
        providers: Providers,
        logins: PasswordLogins,
        codes: LoginCodes,
        grants: GrantService,
        revocation: UpstreamTokenRevocation,
        pictures: PictureFollower,
        *,
        token_seconds: int,
    ) -> None:
        self._database = resources.database
        self._revocations = resources.revocation_poller
        self._token_seconds = token_seconds
        self._providers = providers
        self._logins = logins
        self._codes = codes
        self._grants = grants
        self._revocation = revocation
        self._pictures = pictures

    async def list(self, caller: Claims) -> UpstreamLinks:
        """Return the caller's links and the installation's upstreams."""

        def read(connection: sa.Connection) -> tuple[Sequence[LinkedIdentity], Sequence[GrantRow]]:
            return identities.list_of(connection, caller.user_id), grants.list_of_user(
                connection, caller.user_id
            )

        linked, rows = await self._database.read(read)
        items = [_link(one, [row for row in rows if row.provider == one.provider]) for one in linked]
        return UpstreamLinks(providers=self._providers.names(), items=items)

    async def link(
        self, caller: Claims, name: str, proof: UpstreamCredentials, source: RequestSource
    ) -> None:
        """Link the caller's account to one at an upstream, which `proof` opens.

        The upstream's tokens are revoked if the link is rejected.

        Raises UpstreamNotFoundError, IdentifierRequiredError, RecentLoginRequiredError,
        TooManyAttemptsError, InvalidCredentialsError, InvalidAuthorizationCodeError, AlreadyLinkedError, and
        the errors of doorward_auth.upstream.errors.
        """
        await self._database.read(lambda connection: _require_recent_login(connection, caller))
        if isinstance(proof, UpstreamCodeRequest):
            redeemed = await self._codes.redeem(name, proof)
            proven = Proven(redeemed.login, release=redeemed.release)
        else:
            proven = await self._logins.prove(name, proof)
        provider, login = self._providers.find(name), proven.login
        if provider is None:
            raise UpstreamNotFoundError

        def work(connection: sa.Connection) -> None:
            proven.require_allowed(connection)
            proven.release(connection)
            account = account_repository.lock_by_id(connection, caller.user_id)
            require_unchanged_account(connection, caller)
            if account is None:
                raise InvalidAccessTokenError
            owner = identities.find_user(connection, name, login.user.subject)
            if owner is None:
                _link_to(connection, account, name, login.user)
            elif owner != account.id:
                raise AlreadyLinkedError
            issued = IssuedGrant(caller.user_id, provider, caller.session_id, login.tokens)
            self._grants.store(connection, issued)

        async with self._revocation.revoke_on_error(provider, login, proven.release):
            await self._database.write(work)
        self._pictures.follow(name, caller.user_id, login.user)
        log.info("upstream.linked", user_id=str(caller.user_id), provider=name, ip=source.ip_address)

    async def unlink(self, caller: Claims, name: str) -> None:
        """Remove a link; its tokens are wiped, and stored to be revoked at the upstream.

        Sessions that logins there opened end, but the caller's: the account there opens nothing any more.
        Raises NotLinkedError, OnlySignInError, TooManyAttemptsError.
        """

        def work(connection: sa.Connection) -> None:
            account = account_repository.lock_by_id(connection, caller.user_id)
            if account is None:
                raise InvalidAccessTokenError
            require_unchanged_account(connection, caller)
            linked = identities.list_of(connection, account.id)
            if name not in {one.provider for one in linked}:
                raise NotLinkedError
            configured = self._providers.names()
            if not repository.can_log_in_without(connection, account, name, linked, configured):
                raise OnlySignInError
            self._end_sessions(connection, caller, name)
            # Before the link is gone, which has the subject of the tokens.
            grants.end_all(connection, account.id, name)
            identities.unlink(connection, account.id, name)

        await self._database.write(work)
        self._revocations.wake()
        self._revocation.wake()
        log.info("upstream.unlinked", user_id=str(caller.user_id), provider=name)

    async def token_of_caller(self, caller: Claims, name: str) -> UpstreamAccessToken:
        """Return a fresh access token of the caller's own session, else of another session of theirs.

        Raises NotLinkedError, UpstreamReauthenticationRequiredError, UpstreamUnavailableError,
        TooManyAttemptsError.
        """
        return await self._token(name, caller.user_id, caller.session_id)

    async def token_of_user(self, client: str, name: str, user_id: uuid.UUID) -> UpstreamAccessToken:
        """Return a fresh access token of a user for a service client.

        Raises as `token_of_caller` does, ClientNotPermittedError.
        """
        provider = self._providers.find(name)
        if provider and client not in provider.token_readers:
            log.warning("client.not_permitted", client=client, provider=name)
            raise ClientNotPermittedError
        return await self._token(name, user_id, None, client=client)

    def _end_sessions(self, connection: sa.Connection, caller: Claims, name: str) -> None:
        user_id = caller.user_id
        for session_id in repository.find_sessions(connection, user_id, name, keep=caller.session_id):
            end_session(connection, session_id, SessionEnd.UPSTREAM, token_seconds=self._token_seconds)
            details = {"session_id": session_id, "reason": SessionEnd.UPSTREAM}
            record(connection, AuditAction.SESSION_ENDED, actor=user_id, target=user_id, details=details)

    async def _token(
        self, name: str, user_id: uuid.UUID, session_id: uuid.UUID | None, *, client: str | None = None
    ) -> UpstreamAccessToken:
        """Return a fresh access token for the user, or for a service client, which has no limit."""
        if self._providers.find(name) is None:
            raise UpstreamNotFoundError

        def read(connection: sa.Connection) -> Sequence[GrantRow]:
            if client is None:
                require_room(connection, AuditAction.UPSTREAM_TOKEN_READ, user_id, TOKEN_READS)
            return grants.list_of_user(connection, user_id=user_id, provider=name)

        row = _best(await self._database.read(read), session_id)
        if row is None:
            raise NotLinkedError
        answer = await self._grants.ensure_fresh(row, budget=TOKEN_BUDGET_SECONDS)
        token = _usable(answer)
        details = {"provider": name, "by": client or str(user_id)}
        actor = user_id if client is None else None
        # One statement: it describes no other change, and needs no round trips for BEGIN and COMMIT.
        await self._database.execute_single(
            lambda connection: record(
                connection, AuditAction.UPSTREAM_TOKEN_READ, actor=actor, target=user_id, details=details
            )
        )
        return token


def _require_recent_login(connection: sa.Connection, caller: Claims) -> None:
    session = sessions.find_session(connection, caller.session_id)
    if session is None or session.now - session.auth_time > RECENT:
        raise RecentLoginRequiredError


def _link_to(connection: sa.Connection, account: Account, provider: str, user: UpstreamUser) -> None:
    if not identities.link(connection, account.id, provider, user.subject, user.username):
        raise AlreadyLinkedError
    enqueue_mail(connection, MailName.UPSTREAM_LINKED, account.email, user_id=account.id, provider=provider)


def _usable(answer: GrantAnswer) -> UpstreamAccessToken:
    if answer.access_token is not None:
        return UpstreamAccessToken(
            access_token=answer.access_token,
            token_type="Bearer",  # noqa: S106 - RFC 6750's name, not a secret
            expires_in=answer.expires_in,
        )
    match answer.status:
        case AnswerStatus.REAUTH_REQUIRED:
            raise UpstreamReauthenticationRequiredError
        case AnswerStatus.MISSING:
            raise NotLinkedError
        case _:
            raise UpstreamUnavailableError(retry_after=max(1, round(answer.retry_after)))


def _best(rows: Iterable[GrantRow], session_id: uuid.UUID | None) -> GrantRow | None:
    """Return the grant of the session, else the one that can be used, else any."""
    wanted = [row for row in rows if row.is_wanted]
    ranked = sorted(wanted, key=lambda row: (row.session_id != session_id, not row.is_refreshable))
    return ranked[0] if ranked else None


def _link(identity: LinkedIdentity, rows: Iterable[GrantRow]) -> UpstreamLink:
    row = _best(rows, None)
    return UpstreamLink(
        provider=identity.provider,
        username=identity.username,
        linked_at=identity.linked_at,
        state=state_of(row),
        last_error=None if row is None else row.last_error,
        last_refreshed_at=None if row is None else row.last_refreshed_at,
        access_expires_at=None if row is None else row.access_expires_at,
    )
