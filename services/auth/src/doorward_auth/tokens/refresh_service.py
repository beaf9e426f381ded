"""The rules of refreshing."""

import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import sqlalchemy as sa
import structlog

from doorward_auth.sessions import repository as sessions
from doorward_auth.settings import AuthSettings
from doorward_auth.signing import Signer
from doorward_auth.tokens.errors import InvalidRefreshTokenError
from doorward_auth.tokens.refresh_decision import Verdict, judge, successor_of
from doorward_auth.tokens.refresh_tokens import RefreshToken
from doorward_auth.tokens.token_pair import IssuedTokens, issue
from doorward_identity.accounts import SessionEnd, Status
from doorward_identity.audit.repository import Action, record
from doorward_identity.resources import IdentityResources
from doorward_identity.sessions import end_session

log = structlog.get_logger(__name__)

_REUSE: Final = "reuse"
_OVER: Final = "ended_or_expired"
_REFUSALS: Final = {Verdict.REUSE: _REUSE, Verdict.REFUSE: _OVER}


@dataclass(frozen=True, slots=True)
class _Refreshed:
    """The outcome of a refresh's transaction: what to sign, or why not."""

    user_id: uuid.UUID
    refused: str | None = None
    successor: RefreshToken | None = None
    role: str = ""
    token_version: int = 0
    expires_in: int = 0


class RefreshService:
    """Renews the tokens of sessions."""

    def __init__(self, runtime: IdentityResources, signer: Signer, settings: AuthSettings) -> None:
        self._runtime = runtime
        self._database = runtime.database
        self._keys = runtime.verification.keys
        self._signer = signer
        self._idle = timedelta(seconds=settings.refresh_idle_seconds)
        self._grace = timedelta(seconds=settings.refresh_grace_seconds)

    async def refresh(self, text: str) -> IssuedTokens:
        """Exchange a refresh token for its successor; raises InvalidRefreshTokenError."""
        token = RefreshToken.parse(text)
        if token is None:
            raise InvalidRefreshTokenError
        # It may run again when nobody knows what it did: then it finds the successor, and repeats it.
        outcome = await self._database.execute_idempotent(lambda connection: self._rotate(connection, token))
        if outcome.successor is None:
            reason = outcome.refused
            if reason == _REUSE and not await self._end_reused(token.session_id, outcome.user_id):
                reason = _OVER  # another replay at the same moment has ended it
            log.warning("refresh.rejected", reason=reason, session_id=str(token.session_id))
            raise InvalidRefreshTokenError
        return issue(
            self._signer,
            outcome.successor,
            user_id=outcome.user_id,
            role=outcome.role,
            token_version=outcome.token_version,
            lifetime=timedelta(seconds=outcome.expires_in),
        )

    def _rotate(self, connection: sa.Connection, token: RefreshToken) -> _Refreshed:
        """Judge by a look without a lock; the statement that rotates looks again."""
        session = sessions.find_session(connection, token.session_id)
        if session is None:
            return _Refreshed(uuid.UUID(int=0), refused="unknown_session")
        verdict = judge(session, token.hash(), grace=self._grace)
        if verdict in _REFUSALS:
            return _Refreshed(session.user_id, refused=_REFUSALS[verdict])
        if session.status != Status.ACTIVE:
            return _Refreshed(session.user_id, refused="account_not_active")
        successor = successor_of(token, session, verdict, self._keys.secrets)
        if successor is None:
            return _Refreshed(session.user_id, refused="key_of_successor_gone")
        idle_expires_at = min(session.now + self._idle, session.absolute_expires_at)
        if verdict is Verdict.ROTATE and not sessions.rotate_session(
            connection, session, successor.hash(), idle_expires_at
        ):
            # Another refresh or a logout was faster, and this token is the current one no more: judge
            # again, by what that one left.
            return self._rotate(connection, token)
        return _Refreshed(
            session.user_id,
            successor=successor,
            role=session.role,
            token_version=session.token_version,
            expires_in=int((idle_expires_at - session.now).total_seconds()),
        )

    async def _end_reused(self, session_id: uuid.UUID, user_id: uuid.UUID) -> bool:
        """End a session whose token two parties hold; tell whether it was still live.

        A used token never becomes good again, so the look that found it out needed no lock.
        """

        def end(connection: sa.Connection) -> bool:
            if not end_session(connection, session_id, SessionEnd.REUSE, token_seconds=self._signer.lifetime):
                return False
            record(
                connection,
                Action.REFRESH_REUSED,
                actor=None,
                target=user_id,
                details={"session_id": session_id},
            )
            return True

        ended = await self._database.write(end)
        if ended:
            self._runtime.revocation_poller.wake()
        return ended
