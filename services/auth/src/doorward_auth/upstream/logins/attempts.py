"""Who may try a password at an upstream: the limits of logins here, for the accounts there."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
import structlog

from doorward_auth import account_repository, known_devices
from doorward_auth.known_devices import DeviceToken
from doorward_auth.rate_limiting.limiter import RateLimiter
from doorward_auth.rate_limiting.limits import LOGIN_BY_DEVICE, LOGIN_BY_SOURCE, LOGIN_UNKNOWN_DEVICES
from doorward_auth.upstream import identities
from doorward_client.request_context import current_address
from doorward_identity.audit.repository import AuditAction, record
from doorward_kit.rate_limiting.keys import LimitKey

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class LoginAttempt:
    """A password for an account at an upstream; `device` is set if the account knows it."""

    provider: str
    device: DeviceToken | None
    keys: Sequence[LimitKey]


class LoginAttempts:
    """Counts wrong passwords. What strangers try never blocks a device that the user has logged in from."""

    def __init__(self, limiter: RateLimiter) -> None:
        self._limiter: Final = limiter

    def begin(
        self, connection: sa.Connection, provider: str, identifier: str, device_token: str | None
    ) -> LoginAttempt:
        """Return the attempt; raises TooManyAttemptsError."""
        device = None if device_token is None else DeviceToken.parse(device_token)
        owner = None if device is None else known_devices.find_owner(connection, device)
        if device and owner and _is_of(connection, owner, provider, identifier):
            keys = [LimitKey.of(LOGIN_BY_DEVICE, device.id)]
        else:
            device = None
            subject = f"{provider}:{identifier.casefold()}"
            keys = [
                LimitKey.of(LOGIN_UNKNOWN_DEVICES, subject),
                LimitKey.of_source(LOGIN_BY_SOURCE, current_address()),
            ]
        self._limiter.check(connection, keys)
        return LoginAttempt(provider, device, keys)

    def require_allowed(self, connection: sa.Connection, attempt: LoginAttempt) -> None:
        """Lock what is counted, in the transaction of a right password; raises TooManyAttemptsError.

        Of many guesses at once, no more are answered than of as many in a row.
        """
        self._limiter.acquire(connection, [], uncounted=attempt.keys)

    def record_failure(self, connection: sa.Connection, attempt: LoginAttempt) -> None:
        """Count a wrong password; raises TooManyAttemptsError."""
        self._limiter.acquire(connection, attempt.keys)
        details = {"provider": attempt.provider}
        record(connection, AuditAction.LOGIN_FAILED, actor=None, target=None, details=details)
        log.info("login.failed", reason="upstream", provider=attempt.provider)


def _is_of(connection: sa.Connection, owner: uuid.UUID, provider: str, identifier: str) -> bool:
    """Tell whether a user logs in at an upstream by this address or name, as far as is known."""
    linked = [one.username for one in identities.list_of(connection, owner) if one.provider == provider]
    account = account_repository.find_by_id(connection, owner)
    if not linked or account is None:
        return False
    return identifier.casefold() in {name.casefold() for name in (linked[0], account.email) if name}
