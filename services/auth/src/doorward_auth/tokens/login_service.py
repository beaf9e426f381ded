"""The rules of logging in."""

from datetime import timedelta
from typing import Final

import sqlalchemy as sa
import structlog
import uuid_utils.compat as uuid7s

from doorward_auth.captcha.answer import CaptchaToken
from doorward_auth.known_devices import repository as devices
from doorward_auth.known_devices.device_tokens import DeviceToken
from doorward_auth.passwords.authentication import AuthenticatedAccount, PasswordAuthenticator
from doorward_auth.rate_limiting.service import RateLimiter
from doorward_auth.sessions import repository as sessions
from doorward_auth.sessions.repository import Device, Opening
from doorward_auth.settings import AuthSettings
from doorward_auth.signing import Signer
from doorward_auth.tokens import repository
from doorward_auth.tokens.errors import (
    AccountDisabledError,
    EmailNotVerifiedError,
    InvalidCredentialsError,
    PasswordChangeRequiredError,
)
from doorward_auth.tokens.refresh_tokens import RefreshToken
from doorward_auth.tokens.repository import AccountRow
from doorward_auth.tokens.token_pair import IssuedTokens, issue
from doorward_client.errors import DoorwardError
from doorward_identity.accounts import Status
from doorward_identity.audit.repository import AuditAction, record
from doorward_identity.resources import IdentityResources

log = structlog.get_logger(__name__)

_ATTEMPTS: Final = 2
"""Another login that renews the hash at the same moment is no reason to refuse this one."""


class LoginService:
    """Opens sessions."""

    def __init__(
        self,
        runtime: IdentityResources,
        proofs: PasswordAuthenticator,
        throttle: RateLimiter,
        signer: Signer,
        settings: AuthSettings,
    ) -> None:
        self._database = runtime.database
        self._hashing = runtime.hashing
        self._proofs = proofs
        self._throttle = throttle
        self._signer = signer
        self._absolute = timedelta(seconds=settings.refresh_absolute_seconds)
        self._idle = min(timedelta(seconds=settings.refresh_idle_seconds), self._absolute)

    async def log_in(
        self,
        email: str,
        password: str,
        device: Device,
        *,
        device_token: str | None = None,
        captcha: CaptchaToken,
    ) -> IssuedTokens:
        """Open a session for the owner of an account.

        Raises TooManyAttemptsError; for unknown devices what Captcha.require does; InvalidCredentialsError;
        and only after a right password EmailNotVerifiedError, AccountDisabledError and
        PasswordChangeRequiredError.
        """
        for _ in range(_ATTEMPTS):
            proven = await self._proofs.compare(email, password, device_token, captcha)
            issued = await self._attempt(proven, password, device)
            if issued is not None:
                return issued
        raise InvalidCredentialsError

    async def _attempt(
        self, proven: AuthenticatedAccount, password: str, device: Device
    ) -> IssuedTokens | None:
        """Log in once; None when the account was changed while the hash was computed."""
        account = proven.account
        refusal = _refusal(account)
        if refusal is not None:
            await self._throttle.claim(proven.subjects, counts=False)
            raise refusal
        password_hash = await self._renewed_hash(account, password)
        token = RefreshToken.issue(uuid7s.uuid7())
        opening = self._opening(account, password_hash, token, device)
        met = proven.device or DeviceToken.issue(uuid7s.uuid7())
        is_open = await self._throttle.write(
            proven.subjects, lambda connection: _open(connection, proven, opening, met)
        )
        if not is_open:
            return None
        log.info("login.succeeded", user_id=str(account.id), session_id=str(token.session_id))
        return issue(
            self._signer,
            token,
            user_id=account.id,
            role=account.role,
            token_version=account.token_version,
            lifetime=self._idle,
            device_token=None if proven.device else str(met),
        )

    async def _renewed_hash(self, account: AccountRow, password: str) -> str:
        """Hash with today's parameters while the password is at hand; return the hash that is stored."""
        if not self._hashing.is_outdated(account.password_hash):
            return account.password_hash
        new = await self._hashing.hash(password)
        await self._database.execute_single(
            lambda connection: repository.replace_hash(
                connection, account.id, old=account.password_hash, new=new
            )
        )
        return new

    def _opening(
        self, account: AccountRow, password_hash: str, token: RefreshToken, device: Device
    ) -> Opening:
        return Opening(
            session_id=token.session_id,
            user_id=account.id,
            token_hash=token.hash(),
            user_agent=device.user_agent[: sessions.USER_AGENT_LENGTH],
            ip_address=device.ip_address,
            idle_seconds=int(self._idle.total_seconds()),
            absolute_seconds=int(self._absolute.total_seconds()),
            role=account.role,
            status=account.status,
            token_version=account.token_version,
            password_hash=password_hash,
        )


def _open(
    connection: sa.Connection, proven: AuthenticatedAccount, opening: Opening, device: DeviceToken
) -> bool:
    """Open the session and remember the device; tell whether the account still stood as it was read."""
    if not sessions.open_session(connection, opening):
        return False
    if proven.device is None:
        devices.remember(connection, opening.user_id, device.id, device.hash())
    else:
        devices.touch(connection, device.id)
    details = {"session_id": opening.session_id, "new_device": proven.device is None}
    record(
        connection,
        AuditAction.LOGIN_SUCCEEDED,
        actor=opening.user_id,
        target=opening.user_id,
        details=details,
    )
    return True


def _refusal(account: AccountRow) -> DoorwardError | None:
    if account.status != Status.ACTIVE:
        return AccountDisabledError()
    if not account.is_verified:
        return EmailNotVerifiedError()
    if account.must_change:
        return PasswordChangeRequiredError()
    return None
