"""The rules of refreshing."""

import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import sqlalchemy as sa
import structlog

from doorward_auth.refresh_cookies.cookies import RefreshCookie
from doorward_auth.sessions import repository as sessions
from doorward_auth.sessions.repository import SessionRow
from doorward_auth.settings import AuthSettings
from doorward_auth.signing import Signer
from doorward_auth.tokens.refresh_decision import RefreshDecision, evaluate_refresh_token, successor_of
from doorward_auth.tokens.refresh_hook import FEDERATED, SessionRefreshHook
from doorward_auth.tokens.refresh_reuse import end_reused_session
from doorward_auth.tokens.token_pair import RefreshToken, SessionGrant, TokenPair, issue_pair
from doorward_client.errors import DoorwardError
from doorward_identity.accounts import SessionEnd, Status
from doorward_identity.resources import IdentityResources
from doorward_identity.sessions import end_session

log = structlog.get_logger(__name__)

_REPLACED: Final = "successor_not_derivable"


class InvalidRefreshTokenError(DoorwardError):
    """401 for every refresh token that is not valid; the log says why."""

    status = 401
    code = "invalid_refresh_token"
    detail = "The refresh token is not valid or has expired. Log in again."
    oauth_error = "invalid_grant"


def _rejected(cookie: RefreshCookie | None) -> InvalidRefreshTokenError:
    """Return the error, which also removes the cookie of a token that is not valid."""
    return InvalidRefreshTokenError(headers=None if cookie is None else {"Set-Cookie": cookie.cleared()})


@dataclass(frozen=True, slots=True)
class _Rejection:
    """Why a refresh was rejected, for the log, and why its session ends, if it does."""

    reason: str
    user_id: uuid.UUID | None = None
    ends_session: SessionEnd | None = None


class RefreshService:
    """Renews the tokens of sessions."""

    def __init__(
        self,
        resources: IdentityResources,
        signer: Signer,
        hook: SessionRefreshHook,
        settings: AuthSettings,
    ) -> None:
        self._resources = resources
        self._database = resources.database
        self._keys = resources.verification.keys
        self._signer = signer
        self._hook = hook
        self._idle = timedelta(seconds=settings.refresh_idle_seconds)
        self._grace = timedelta(seconds=settings.refresh_grace_seconds)

    async def refresh(self, text: str, cookie: RefreshCookie | None = None) -> TokenPair:
        """Exchange a refresh token for its successor; raises InvalidRefreshTokenError.

        `cookie` is the one that the token came in: the session must be of that cookie, or of none.
        Of a session with an upstream, raises as SessionRefreshHook.on_refresh does.
        """
        token = RefreshToken.parse(text)
        if token is None:
            raise _rejected(cookie)
        # After a broken connection it runs again: then it finds the successor, and repeats it.
        outcome = await self._database.execute_idempotent(
            lambda connection: self._rotate(connection, token, cookie)
        )
        if isinstance(outcome, _Rejection) and outcome.ends_session:
            outcome = await self._database.write(lambda connection: self._end(connection, token, cookie))
            self._resources.revocation_poller.wake()
        if isinstance(outcome, _Rejection):
            log.warning("refresh.rejected", reason=outcome.reason, session_id=str(token.session_id))
            # Another tab may have got a new token already, with a new proof.
            raise _rejected(None if outcome.reason == _REPLACED else cookie)
        pair = issue_pair(self._signer, outcome)
        if FEDERATED in outcome.amr.split(" "):
            pair.upstream = await self._hook.on_refresh(token.session_id)
        return pair

    def _rotate(
        self, connection: sa.Connection, token: RefreshToken, cookie: RefreshCookie | None
    ) -> SessionGrant | _Rejection:
        """Decide by a read without a lock; the statement that rotates compares again."""
        session = sessions.find_session(connection, token.session_id)
        if session is None:
            return _Rejection("unknown_session")
        decision = evaluate_refresh_token(session, token.hash(), grace=self._grace)
        rejection = _rejection_of(session, decision, cookie)
        if rejection is not None:
            return rejection
        successor = successor_of(token, session, decision, self._keys.secrets)
        if successor is None:
            return _Rejection(_REPLACED)
        idle_expires_at = min(session.now + self._idle, session.absolute_expires_at)
        if decision is RefreshDecision.ROTATE and not sessions.rotate_session(
            connection, session, successor.hash(), idle_expires_at
        ):
            # Another refresh or a logout came first: decide again, by what it left.
            return self._rotate(connection, token, cookie)
        return SessionGrant(
            token=successor,
            user_id=session.user_id,
            role=session.role,
            token_version=session.token_version,
            auth_time=session.auth_time,
            acr=session.acr,
            amr=session.amr,
            extensions=session.extensions,
            lifetime=idle_expires_at - session.now,
            cookie=cookie,
        )

    def _end(
        self, connection: sa.Connection, token: RefreshToken, cookie: RefreshCookie | None
    ) -> SessionGrant | _Rejection:
        """End the session, if a second look in the same transaction agrees with the first.

        The reason for the second look is in end_reused_session.
        """
        sessions.lock_session(connection, token.session_id)
        outcome = self._rotate(connection, token, cookie)
        if isinstance(outcome, _Rejection) and outcome.ends_session is not None:
            seconds = self._signer.lifetime
            if outcome.ends_session is SessionEnd.REUSE:
                end_reused_session(connection, token.session_id, outcome.user_id, token_seconds=seconds)
            else:
                end_session(connection, token.session_id, outcome.ends_session, token_seconds=seconds)
        return outcome


def _rejection_of(
    session: SessionRow, decision: RefreshDecision, cookie: RefreshCookie | None
) -> _Rejection | None:
    misuse = _misuse_reason(session, cookie)
    if misuse is not None:
        return _Rejection(misuse)
    if decision is RefreshDecision.REJECT:
        return _Rejection("ended_or_expired")
    if decision is RefreshDecision.REUSE:
        return _Rejection("reuse", session.user_id, SessionEnd.REUSE)
    if session.is_of_older_credentials:
        return _Rejection("credentials_changed", session.user_id, SessionEnd.CREDENTIALS)
    if session.status != Status.ACTIVE:
        return _Rejection("account_not_active")
    return None


def _misuse_reason(session: SessionRow, cookie: RefreshCookie | None) -> str | None:
    """Return how a caller shows that the token is not theirs to use, or None. The session stays."""
    if session.oauth_client_id is not None:
        return "of_a_client"  # which did not authenticate, and finding a token must not end a session
    if session.cookie_name != (None if cookie is None else cookie.name):
        return "not_in_its_cookie"  # no script may trade the cookie of its page for the token in it
    return None
