"""The rules of listing and ending sessions."""

import uuid
from typing import Final

import sqlalchemy as sa
import structlog

from doorward_auth import account_repository
from doorward_auth.browser_sessions import repository as browser_sessions
from doorward_auth.browser_sessions.ending import end_browser_session
from doorward_auth.sessions import listing, repository
from doorward_auth.sessions.listing import SessionKind, SessionSummary
from doorward_client.errors import NotFoundError
from doorward_client.tokens import Claims
from doorward_identity.accounts import SessionEnd
from doorward_identity.audit.repository import AuditAction, record
from doorward_identity.current_account import require_authority, require_unchanged_account
from doorward_identity.resources import IdentityResources
from doorward_identity.sessions import end_session, end_sessions, end_tokens

log = structlog.get_logger(__name__)

MAX_LISTED: Final = 200


class SessionNotFoundError(NotFoundError):
    """404 for a session that does not exist, has ended, or is another user's."""

    code = "session_not_found"
    detail = "Session not found."


class SessionService:
    """Lists and ends sessions. An ended session is revoked everywhere within two seconds."""

    def __init__(self, resources: IdentityResources, *, token_seconds: int) -> None:
        self._resources = resources
        self._database = resources.database
        self._token_seconds = token_seconds

    async def list_live(self, user_id: uuid.UUID) -> list[SessionSummary]:
        """Read a user's live sessions, those of browsers included, the most recently used first."""
        found = await self._database.read(lambda connection: _list_live(connection, user_id))
        return sorted(found, key=lambda one: (one.last_used_at, one.id), reverse=True)[:MAX_LISTED]

    async def log_out(self, caller: Claims) -> None:
        """End the caller's session. Ending it again changes nothing and is no error."""
        was_live = await self._database.write(
            lambda connection: self._end(connection, caller.user_id, caller.session_id)
        )
        self._announce_end("logout", caller.user_id, caller.session_id, was_live=was_live)

    async def end_own(self, user_id: uuid.UUID, session_id: uuid.UUID) -> None:
        """End one of a user's own sessions; raises SessionNotFoundError."""

        def work(connection: sa.Connection) -> None:
            if repository.owner_of(connection, session_id) == user_id:
                was_live = self._end(connection, user_id, session_id)
            elif browser_sessions.owner_of(connection, session_id) == user_id:
                was_live = self._end_browser(connection, user_id, session_id)
            else:
                was_live = False
            if not was_live:
                raise SessionNotFoundError

        await self._database.write(work)
        self._announce_end("session.ended", user_id, session_id)

    async def end_others(self, user_id: uuid.UUID, keep: uuid.UUID) -> None:
        """End every live session of a user but one."""

        def work(connection: sa.Connection) -> int:
            others = [session for session in _list_live(connection, user_id) if session.id != keep]
            for session in others:
                end = self._end_browser if session.kind is SessionKind.BROWSER else self._end
                end(connection, user_id, session.id)
            return len(others)

        ended = await self._database.write(work)
        self._announce_end("sessions.others_ended", user_id, user_id, count=ended)

    async def end_all(self, caller: Claims, user_id: uuid.UUID) -> None:
        """End every session of a user, and every access token. An unknown user has none.

        Raises InvalidAccessTokenError if the caller's account has changed, and TargetOutranksCallerError.
        """

        def work(connection: sa.Connection) -> int:
            # The user's row is locked first, as for every change of an account: no deadlock.
            account = account_repository.lock_by_id(connection, user_id)
            if account is None:
                return 0
            require_unchanged_account(connection, caller)
            if user_id != caller.user_id:
                require_authority(caller, account.role)
            end_tokens(connection, user_id, token_seconds=self._token_seconds)
            ended = end_sessions(connection, user_id, SessionEnd.LOGOUT)
            ended += browser_sessions.delete_all(connection, user_id)
            record(
                connection,
                AuditAction.SESSIONS_ENDED,
                actor=caller.user_id,
                target=user_id,
                details={"count": ended},
            )
            return ended

        ended = await self._database.write(work)
        self._announce_end("sessions.ended", caller.user_id, user_id, count=ended)

    def _end(self, connection: sa.Connection, owner: uuid.UUID, session_id: uuid.UUID) -> bool:
        was_live = end_session(connection, session_id, SessionEnd.LOGOUT, token_seconds=self._token_seconds)
        if was_live:
            details = {"session_id": session_id}
            record(connection, AuditAction.SESSION_ENDED, actor=owner, target=owner, details=details)
        return was_live

    def _end_browser(self, connection: sa.Connection, owner: uuid.UUID, session_id: uuid.UUID) -> bool:
        return end_browser_session(connection, session_id, owner, token_seconds=self._token_seconds)

    def _announce_end(self, event: str, actor: uuid.UUID, subject: uuid.UUID, **fields: object) -> None:
        self._resources.revocation_poller.wake()
        log.info(event, actor_id=str(actor), subject_id=str(subject), **fields)


def _list_live(connection: sa.Connection, user_id: uuid.UUID) -> list[SessionSummary]:
    browsers = browser_sessions.list_valid(connection, user_id, MAX_LISTED)
    return [
        *listing.list_live(connection, user_id, MAX_LISTED),
        *(SessionSummary(kind=SessionKind.BROWSER, client=None, **row) for row in browsers),
    ]
