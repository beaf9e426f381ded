"""The rules of refreshing."""

import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import sqlalchemy as sa
import structlog

from doorward_auth.sessions import extensions
from doorward_auth.sessions import repository as sessions
from doorward_auth.settings import AuthSettings
from doorward_auth.signing import Signer
from doorward_auth.tokens.companion import FEDERATED, RefreshCompanion
from doorward_auth.tokens.refresh_decision import RefreshDecision, evaluate_refresh_token, successor_of
from doorward_auth.tokens.refresh_tokens import RefreshToken
from doorward_auth.tokens.token_pair import SessionGrant, TokenPair, issue_pair
from doorward_client.errors import DoorwardError
from doorward_identity.accounts import SessionEnd, Status
from doorward_identity.audit.repository import AuditAction, record
from doorward_identity.resources import IdentityResources
from doorward_identity.sessions import end_session

log = structlog.get_logger(__name__)

_REUSE: Final = "reuse"
_ENDED: Final = "ended_or_expired"
_REFUSALS: Final = {RefreshDecision.REUSE: _REUSE, RefreshDecision.REFUSE: _ENDED}


class InvalidRefreshTokenError(DoorwardError):
    """401 for every refresh token that is not valid; the log says why."""

    status = 401
    code = "invalid_refresh_token"
    detail = "The refresh token is not valid or has expired. Log in again."
    oauth_error = "invalid_grant"


@dataclass(frozen=True, slots=True)
class _Rejection:
    """Why a refresh was rejected, for the log."""

    reason: str
    user_id: uuid.UUID | None = None


class RefreshService:
    """Renews the tokens of sessions."""

    def __init__(
        self,
        resources: IdentityResources,
        signer: Signer,
        companion: RefreshCompanion,
        settings: AuthSettings,
    ) -> None:
        self._resources = resources
        self._database = resources.database
        self._keys = resources.verification.keys
        self._signer = signer
        self._companion = companion
        self._idle = timedelta(seconds=settings.refresh_idle_seconds)
        self._grace = timedelta(seconds=settings.refresh_grace_seconds)

    async def refresh(self, text: str) -> TokenPair:
        """Exchange a refresh token for its successor; raises InvalidRefreshTokenError.

        Of a session with an upstream, raises as RefreshCompanion.refreshed does.
        """
        token = RefreshToken.parse(text)
        if token is None:
            raise InvalidRefreshTokenError
        # After a broken connection it runs again: then it finds the successor, and repeats it.
        outcome = await self._database.execute_idempotent(lambda connection: self._rotate(connection, token))
        if isinstance(outcome, _Rejection):
            reason = outcome.reason
            if reason == _REUSE and not await self._end_reused(token.session_id, outcome.user_id):
                reason = _ENDED  # by another replay at the same moment
            log.warning("refresh.rejected", reason=reason, session_id=str(token.session_id))
            raise InvalidRefreshTokenError
        pair = issue_pair(self._signer, outcome)
        if FEDERATED in outcome.amr.split(" "):
            pair.upstream = await self._companion.refreshed(token.session_id)
        return pair

    def _rotate(self, connection: sa.Connection, token: RefreshToken) -> SessionGrant | _Rejection:
        """Decide by a read without a lock; the statement that rotates compares again."""
        session = sessions.find_session(connection, token.session_id)
        if session is None:
            return _Rejection("unknown_session")
        decision = evaluate_refresh_token(session, token.hash(), grace=self._grace)
        if decision in _REFUSALS:
            return _Rejection(_REFUSALS[decision], session.user_id)
        if session.status != Status.ACTIVE:
            return _Rejection("account_not_active")
        successor = successor_of(token, session, decision, self._keys.secrets)
        if successor is None:
            return _Rejection("successor_not_derivable")
        idle_expires_at = min(session.now + self._idle, session.absolute_expires_at)
        if decision is RefreshDecision.ROTATE and not sessions.rotate_session(
            connection, session, successor.hash(), idle_expires_at
        ):
            # Another refresh or a logout came first: decide again, by what it left.
            return self._rotate(connection, token)
        return SessionGrant(
            token=successor,
            user_id=session.user_id,
            role=session.role,
            token_version=session.token_version,
            auth_time=session.auth_time,
            acr=session.acr,
            amr=session.amr,
            extensions=extensions.load(session.extensions),
            lifetime=idle_expires_at - session.now,
        )

    async def _end_reused(self, session_id: uuid.UUID, user_id: uuid.UUID | None) -> bool:
        """End a session whose token two parties hold; tell whether it was still live.

        A used token never becomes valid again, so the read that found it out needed no lock.
        """

        def end(connection: sa.Connection) -> bool:
            if not end_session(connection, session_id, SessionEnd.REUSE, token_seconds=self._signer.lifetime):
                return False
            record(
                connection,
                AuditAction.REFRESH_REUSED,
                actor=None,
                target=user_id,
                details={"session_id": session_id},
            )
            return True

        was_live = await self._database.write(end)
        if was_live:
            self._resources.revocation_poller.wake()
        return was_live
