"""Limits of password attempts at an upstream: those of logins here, for the accounts there."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
import structlog

from doorward_auth import known_devices
from doorward_auth.known_devices import DeviceToken
from doorward_auth.rate_limiting.limiter import AuthRateLimiter
from doorward_auth.rate_limiting.limits import (
    LOGIN_BY_DEVICE,
    LOGIN_BY_SOURCE,
    LOGIN_UNKNOWN_DEVICES,
    LOGINS_BY_ACCOUNT,
)
from doorward_client.request_context import current_address
from doorward_identity.audit.repository import AuditAction, record
from doorward_kit.rate_limiting.limits import LimitKey

log = structlog.get_logger(__name__)

_IGNORED: Final = frozenset("CMZ")
"""Major categories of Unicode: controls and unshown characters, marks, spaces."""


@dataclass(frozen=True, slots=True)
class LoginAttempt:
    """A password for an account at an upstream; `device` is set if it is known with this name."""

    provider: str
    login_name: str
    device: DeviceToken | None
    keys: Sequence[LimitKey]
    """Limits of wrong passwords."""
    logins: Sequence[LimitKey]
    """Limits of right passwords: each costs a session, a grant, an audit event, and an upstream request."""


class LoginAttempts:
    """Counts wrong passwords. What strangers try never blocks a device that the user has logged in from."""

    def __init__(self, limiter: AuthRateLimiter) -> None:
        self._limiter: Final = limiter

    def begin(
        self, connection: sa.Connection, provider: str, identifier: str, device_token: str | None
    ) -> LoginAttempt:
        """Return the attempt; raises TooManyAttemptsError."""
        name = login_name(provider, identifier)
        device = None if device_token is None else DeviceToken.parse(device_token)
        if device and known_devices.find_owner(connection, device, login_name=name):
            keys = [LimitKey.of(LOGIN_BY_DEVICE, device.id)]
            logins = [LimitKey.of(LOGINS_BY_ACCOUNT, device.id)]
        else:
            device = None
            subject = _limit_name(provider, identifier)
            keys = [
                LimitKey.of(LOGIN_UNKNOWN_DEVICES, subject),
                LimitKey.of_source(LOGIN_BY_SOURCE, current_address()),
            ]
            logins = [LimitKey.of(LOGINS_BY_ACCOUNT, subject)]
        self._limiter.check(connection, [*keys, *logins])
        return LoginAttempt(provider, name, device, keys, logins)

    def require_allowed(self, connection: sa.Connection, attempt: LoginAttempt) -> None:
        """Count a right password, first in its transaction; raises TooManyAttemptsError.

        Of many guesses at once, no more are answered than of as many in a row.
        """
        self._limiter.acquire(connection, attempt.logins, uncounted=attempt.keys)

    def record_failure(self, connection: sa.Connection, attempt: LoginAttempt) -> None:
        """Count a wrong password; raises TooManyAttemptsError."""
        self._limiter.acquire(connection, attempt.keys)
        details = {"provider": attempt.provider}
        record(connection, AuditAction.LOGIN_FAILED, actor=None, target=None, details=details)
        log.info("login.failed", reason="upstream", provider=attempt.provider)


def login_name(provider: str, identifier: str) -> str:
    """Return the name that a device is known with: exact, because an upstream may tell spellings apart."""
    return f"{provider}:{identifier}"


def _limit_name(provider: str, identifier: str) -> str:
    """Return what spellings of one account at an upstream have in common, whatever its database ignores.

    Case, accents, width, spaces and characters that are not shown: each spelling would otherwise have guesses
    of its own. Accounts that share a name share only the limit of strangers.
    """
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", identifier).casefold())
    return f"{provider}:" + "".join(sign for sign in folded if unicodedata.category(sign)[0] not in _IGNORED)
