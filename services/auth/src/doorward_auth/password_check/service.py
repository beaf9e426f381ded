"""The rules of checking a password: which limits apply, what is counted, what is logged."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import sqlalchemy as sa
import structlog

from doorward_auth import account_repository, known_devices
from doorward_auth.account_repository import Account
from doorward_auth.captcha.service import Captcha, CaptchaToken
from doorward_auth.known_devices import DeviceToken
from doorward_auth.password_check.errors import InvalidCredentialsError
from doorward_auth.rate_limiting.limiter import AuthRateLimiter
from doorward_auth.rate_limiting.limits import (
    LOGIN_BY_DEVICE,
    LOGIN_BY_SOURCE,
    LOGIN_UNKNOWN_DEVICES,
    LOGINS_BY_ACCOUNT,
)
from doorward_client.errors import DoorwardError
from doorward_client.request_context import current_address
from doorward_client.tokens import Claims
from doorward_identity.audit.repository import AuditAction, record
from doorward_identity.emails import lookup_key
from doorward_identity.passwords import charges
from doorward_identity.resources import IdentityResources
from doorward_kit.rate_limiting.limits import LimitKey
from doorward_kit.recent_jobs import Charge

log = structlog.get_logger(__name__)


class PasswordAttempt:
    """A compared password. Its account is available only from `conclude`, which counts the attempt."""

    def __init__(
        self,
        limiter: AuthRateLimiter,
        found: "_LookupResult",
        *,
        is_right: bool,
        renewed_hash: str | None = None,
    ) -> None:
        self.device: Final = found.device
        self._limiter = limiter
        self._keys = found.keys
        self._logins = found.logins
        self._account = found.account
        self._caller_id = found.caller_id
        self._is_right = is_right
        self._renewed_hash = renewed_hash

    def conclude(self, connection: sa.Connection) -> Account | DoorwardError:
        """Count the attempt; return the account, or the rejection to raise after the commit.

        To be called first in the transaction that the password is for. Raises TooManyAttemptsError.
        """
        if not self._is_right or self._account is None:
            self._limiter.acquire(connection, self._keys)
            self._record_failure(connection)
            return InvalidCredentialsError()
        self._limiter.acquire(connection, self._logins, uncounted=self._keys)
        return _with_renewed_hash(connection, self._account, self._renewed_hash)

    def _record_failure(self, connection: sa.Connection) -> None:
        target = self._account.id if self._account else None
        if self._caller_id is not None:
            caller = self._caller_id
            record(connection, AuditAction.PASSWORD_CHECK_FAILED, actor=caller, target=caller)
            log.info("password.check_failed", user_id=str(caller))
            return
        record(connection, AuditAction.LOGIN_FAILED, actor=None, target=target)
        log.info("login.failed", reason="unknown_account" if target is None else "wrong_password")


@dataclass(frozen=True, slots=True)
class _LookupResult:
    account: Account | None
    device: DeviceToken | None
    keys: Sequence[LimitKey]
    """Limits of wrong passwords."""
    logins: Sequence[LimitKey]
    """Limits of right passwords; none for a session."""
    attempt_counts: Sequence[int]
    charge: Charge
    caller_id: uuid.UUID | None = None
    """The signed-in user whose own password is compared."""


class PasswordCheck:
    """Checks passwords. A wrong one costs one hash, whether or not the account exists."""

    def __init__(self, resources: IdentityResources, limiter: AuthRateLimiter, captcha: Captcha) -> None:
        self._database = resources.database
        self._hashing = resources.hashing
        self._limiter = limiter
        self._captcha = captcha

    async def compare(
        self,
        email: str,
        password: str,
        device_token: str | None,
        captcha: CaptchaToken,
        *,
        renew_hash: bool = False,
    ) -> PasswordAttempt:
        """Compare the password of an address; `renew_hash` replaces an outdated hash of the right one.

        Raises OverloadedError and TooManyAttemptsError; for unknown devices as Captcha.require does.
        """
        key = lookup_key(email)
        device = None if device_token is None else DeviceToken.parse(device_token)
        if device is None:
            await self._hashing.require_room(charges.by_stranger(key))
        found = await self._database.read(lambda connection: self._look_up(connection, key, device))
        if found.device is None:
            if device is not None:
                await self._hashing.require_room(found.charge)  # it was unknown
            of_account, of_source = found.attempt_counts
            await self._captcha.require_after_failures(of_account, of_source, captcha)
        is_right = await self._compare(found, password)
        renewed_hash = None
        if renew_hash and is_right and self._should_replace(found.account, password):
            renewed_hash = await self._hashing.hash(password, found.charge)
        return PasswordAttempt(self._limiter, found, is_right=is_right, renewed_hash=renewed_hash)

    async def compare_own(self, caller: Claims, password: str) -> PasswordAttempt:
        """Compare the password of a signed-in user; raises OverloadedError and TooManyAttemptsError.

        The session is the device: what others try for the account does not block it.
        """
        await self._hashing.require_room(charges.by_owner(caller.user_id))
        found = await self._database.read(lambda connection: self._look_up_own(connection, caller))
        return PasswordAttempt(self._limiter, found, is_right=await self._compare(found, password))

    def _look_up(self, connection: sa.Connection, key: str, device: DeviceToken | None) -> _LookupResult:
        account = _with_password(account_repository.find_by_email(connection, key))
        owner_id = None if device is None else known_devices.find_owner(connection, device)
        if device is not None and account is not None and owner_id == account.id:
            keys = [LimitKey.of(LOGIN_BY_DEVICE, device.id)]
            charge = charges.by_owner(account.id)
            logins = LimitKey.of(LOGINS_BY_ACCOUNT, device.id)
        else:
            device = None
            # Of an unknown account, too, so that the same is read.
            logins = LimitKey.of(
                LOGINS_BY_ACCOUNT, account_repository.NO_USER if account is None else account.id
            )
            keys = [
                LimitKey.of(LOGIN_UNKNOWN_DEVICES, key),
                LimitKey.of_source(LOGIN_BY_SOURCE, current_address()),
            ]
            charge = charges.by_stranger(key)
        attempt_counts = self._limiter.check(connection, [*keys, logins])[:-1]
        return _LookupResult(account, device, keys, [logins], attempt_counts, charge)

    def _look_up_own(self, connection: sa.Connection, caller: Claims) -> _LookupResult:
        keys = [LimitKey.of(LOGIN_BY_DEVICE, caller.session_id)]
        account = _with_password(account_repository.find_by_id(connection, caller.user_id))
        attempt_counts = self._limiter.check(connection, keys)
        charge = charges.by_owner(caller.user_id)
        return _LookupResult(account, None, keys, [], attempt_counts, charge, caller.user_id)

    async def _compare(self, found: _LookupResult, password: str) -> bool:
        return await self._hashing.verify(
            None if found.account is None else found.account.password_hash, password, found.charge
        )

    def _should_replace(self, account: Account | None, password: str) -> bool:
        stored = None if account is None else account.password_hash
        return stored is not None and self._hashing.should_replace(stored, password)


def _with_password(account: Account | None) -> Account | None:
    """Return None for an invited user, too: until the invitation is accepted there is no account to open."""
    return None if account is None or account.password_hash is None else account


def _with_renewed_hash(connection: sa.Connection, account: Account, renewed_hash: str | None) -> Account:
    if renewed_hash is None or account.password_hash is None:
        return account
    account_repository.renew_hash(connection, account.id, old=account.password_hash, new=renewed_hash)
    return replace(account, password_hash=renewed_hash)
