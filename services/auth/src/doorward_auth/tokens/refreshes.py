"""The rules of refreshing."""

from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa
import structlog

from doorward_auth.sessions import repository as sessions
from doorward_auth.settings import AuthSettings
from doorward_auth.signing import Signer
from doorward_auth.tokens import repository
from doorward_auth.tokens.errors import InvalidRefreshTokenError
from doorward_auth.tokens.issuing import IssuedTokens, issue
from doorward_auth.tokens.refresh_tokens import RefreshToken
from doorward_auth.tokens.rotation import Verdict, judge, successor_of
from doorward_identity.accounts import SessionEnd, Status
from doorward_identity.audit import Action, record
from doorward_identity.runtime import IdentityRuntime
from doorward_identity.sessions import end_session

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Refreshed:
    """The outcome of a refresh's transaction: what to sign, or why not."""

    user_id: bytes
    refused: str | None = None
    successor: RefreshToken | None = None
    role: str = ""
    epoch: int = 0
    expires_in: int = 0


class RefreshService:
    """Renews the tokens of sessions."""

    def __init__(self, runtime: IdentityRuntime, signer: Signer, settings: AuthSettings) -> None:
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
        outcome = await self._database.write(lambda connection: self._rotate(connection, token))
        if outcome.successor is None:
            # Raised here, behind the commit: the end of a reused session must stay.
            log.warning("refresh.refused", reason=outcome.refused, session_id=str(token.session_id))
            if outcome.refused == "reuse":
                self._runtime.feed.wake()
            raise InvalidRefreshTokenError
        return issue(
            self._signer,
            outcome.successor,
            user_id=outcome.user_id,
            role=outcome.role,
            epoch=outcome.epoch,
            lifetime=timedelta(seconds=outcome.expires_in),
        )

    def _rotate(self, connection: sa.Connection, token: RefreshToken) -> _Refreshed:
        session = sessions.lock_session(connection, token.session_id.bytes)
        if session is None:
            return _Refreshed(b"", refused="unknown_session")
        verdict = judge(session, token.hash(), grace=self._grace)
        if verdict is Verdict.REUSE:
            end_session(connection, session.id, SessionEnd.REUSE, token_seconds=self._signer.lifetime)
            record(
                connection,
                Action.REFRESH_REUSED,
                actor=None,
                target=session.user_id,
                details={"session_id": token.session_id},
            )
            return _Refreshed(session.user_id, refused="reuse")
        if verdict is Verdict.REFUSE:
            return _Refreshed(session.user_id, refused="ended_or_expired")
        standing = repository.read_standing(connection, session.user_id)
        if standing is None or standing[1] != Status.ACTIVE:
            return _Refreshed(session.user_id, refused="account_not_active")
        successor = successor_of(token, session, verdict, self._keys.secrets)
        if successor is None:
            return _Refreshed(session.user_id, refused="key_of_successor_gone")
        idle_expires_at = min(session.now + self._idle, session.absolute_expires_at)
        if verdict is Verdict.ROTATE:
            sessions.rotate_session(connection, session, successor.hash(), idle_expires_at)
        return _Refreshed(
            session.user_id,
            successor=successor,
            role=standing[0],
            epoch=standing[2],
            expires_in=int((idle_expires_at - session.now).total_seconds()),
        )
