"""The rules of logging in and refreshing."""

import uuid
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa
import structlog
import uuid_utils.compat as uuid7s

from doorward_auth.sessions import repository as sessions
from doorward_auth.sessions.repository import Device, Opening
from doorward_auth.settings import AuthSettings
from doorward_auth.signing import Signer
from doorward_auth.tokens import repository
from doorward_auth.tokens.errors import (
    AccountDisabledError,
    EmailNotVerifiedError,
    InvalidCredentialsError,
    InvalidRefreshTokenError,
)
from doorward_auth.tokens.refresh_tokens import RefreshToken
from doorward_auth.tokens.repository import AccountRow
from doorward_auth.tokens.rotation import Verdict, judge, successor_of
from doorward_identity.accounts import SessionEnd, Status
from doorward_identity.audit import Action, record
from doorward_identity.emails import InvalidEmailError, email_key
from doorward_identity.runtime import IdentityRuntime
from doorward_identity.sessions import end_session

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class IssuedTokens:
    """A pair of tokens and how many seconds each is good for."""

    access_token: str
    expires_in: int
    refresh_token: str
    refresh_expires_in: int


@dataclass(frozen=True, slots=True)
class _Refreshed:
    """The outcome of a refresh's transaction: what to sign, or why not."""

    user_id: bytes
    refused: str | None = None
    successor: RefreshToken | None = None
    role: str = ""
    epoch: int = 0
    expires_in: int = 0


class TokenService:
    """Opens sessions and renews their tokens."""

    def __init__(self, runtime: IdentityRuntime, signer: Signer, settings: AuthSettings) -> None:
        self._runtime = runtime
        self._database = runtime.database
        self._hashing = runtime.hashing
        self._keys = runtime.verification.keys
        self._signer = signer
        self._idle = timedelta(seconds=settings.refresh_idle_seconds)
        self._absolute = timedelta(seconds=settings.refresh_absolute_seconds)
        self._grace = timedelta(seconds=settings.refresh_grace_seconds)

    async def log_in(self, email: str, password: str, device: Device) -> IssuedTokens:
        """Open a session for the owner of an account.

        Raises InvalidCredentialsError; EmailNotVerifiedError and AccountDisabledError only after a
        right password. A hash is computed in every case.
        """
        key = _key_or_nobody(email)
        account = await self._database.read(lambda connection: repository.find_account(connection, key))
        is_right = await self._hashing.verify(account.password_hash if account else None, password)
        if account is None or not is_right:
            log.info("login.failed", reason="wrong_password" if account else "unknown_account")
            raise InvalidCredentialsError
        _require_usable(account)
        await self._replace_outdated_hash(account, password)
        token = RefreshToken.issue(uuid7s.uuid7())
        opening = self._opening(account, token, device)
        if not await self._database.write_one(lambda connection: sessions.open_session(connection, opening)):
            # The hash took its time, and meanwhile the account was changed.
            raise InvalidCredentialsError
        log.info(
            "login.succeeded", user_id=str(uuid.UUID(bytes=account.id)), session_id=str(token.session_id)
        )
        return self._issue(token, account.id, account.role, account.epoch, min(self._idle, self._absolute))

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
        return self._issue(
            outcome.successor,
            outcome.user_id,
            outcome.role,
            outcome.epoch,
            timedelta(seconds=outcome.expires_in),
        )

    async def _replace_outdated_hash(self, account: AccountRow, password: str) -> None:
        """Hash with today's parameters while the password is at hand."""
        if not self._hashing.is_outdated(account.password_hash):
            return
        new = await self._hashing.hash(password)
        await self._database.write_one(
            lambda connection: repository.replace_hash(
                connection, account.id, old=account.password_hash, new=new
            )
        )

    def _opening(self, account: AccountRow, token: RefreshToken, device: Device) -> Opening:
        return Opening(
            session_id=token.session_id.bytes,
            user_id=account.id,
            token_hash=token.hash(),
            user_agent=device.user_agent[: sessions.USER_AGENT_LENGTH],
            address=device.address,
            idle_seconds=int(min(self._idle, self._absolute).total_seconds()),
            absolute_seconds=int(self._absolute.total_seconds()),
            role=account.role,
            status=account.status,
            epoch=account.epoch,
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

    def _issue(
        self, token: RefreshToken, user_id: bytes, role: str, epoch: int, lifetime: timedelta
    ) -> IssuedTokens:
        access_token = self._signer.sign(
            user_id=uuid.UUID(bytes=user_id), session_id=token.session_id, role=role, epoch=epoch
        )
        return IssuedTokens(access_token, self._signer.lifetime, str(token), int(lifetime.total_seconds()))


def _key_or_nobody(email: str) -> str:
    """Return the canonical address; for what is none, a key that no account can have.

    The caller then takes the same way, and the same time, as with an unknown address.
    """
    try:
        return email_key(email)
    except InvalidEmailError:
        return ""


def _require_usable(account: AccountRow) -> None:
    if account.status != Status.ACTIVE:
        raise AccountDisabledError
    if not account.is_verified:
        raise EmailNotVerifiedError
