"""A grant: its states, what is read of it, and what is written."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from doorward_identity.accounts import Status
from doorward_kit.sealed import Sealed


class GrantState(StrEnum):
    """The states of a grant."""

    ACTIVE = "active"
    UNCERTAIN = "uncertain"
    """A refresh was sent and its answer is lost: the refresh token may be used up."""
    REAUTH_REQUIRED = "reauth_required"
    """Over: the user must log in at the upstream again. Its tokens are wiped."""
    ENDED = "ended"
    """Its session ended, or the user unlinked the upstream. Its tokens are wiped."""


REFRESHABLE = (GrantState.ACTIVE.value, GrantState.UNCERTAIN.value)


class EndReason(StrEnum):
    """Why a grant requires the user to log in again."""

    INVALID_GRANT = "invalid_grant"
    LOST = "lost"
    """An earlier answer was lost, and the refresh token is used up: the upstream revoked nothing."""
    EXPIRED = "expired"
    UNREADABLE = "unreadable"
    """The vault cannot open it."""


@dataclass(frozen=True, slots=True, repr=False)
class SealedTokens:
    """The tokens as the database stores them, all under the same key."""

    access: Sealed | None
    refresh: Sealed | None
    id: Sealed | None
    key_id: bytes


@dataclass(frozen=True, slots=True)
class GrantTimes:
    """When what is due. None: never.

    `reauth_at` is the time from which no refresh is tried, because the refresh token is about to expire.
    """

    access_expires_at: datetime | None
    refresh_expires_at: datetime | None
    reauth_at: datetime | None
    due_at: datetime | None


@dataclass(frozen=True, slots=True, repr=False)
class GrantRow:
    """A grant and what its session and user say about it; `now` is the database's time."""

    id: uuid.UUID
    user_id: uuid.UUID
    provider: str
    session_id: uuid.UUID | None
    state: str
    generation: int
    access_token: Sealed | None
    refresh_token: Sealed | None
    id_token: Sealed | None
    key_id: bytes | None
    scope: str
    access_expires_at: datetime | None
    refresh_expires_at: datetime | None
    reauth_at: datetime | None
    due_at: datetime | None
    lease_id: uuid.UUID | None
    leased_until: datetime | None
    sent_at: datetime | None
    attempts: int
    last_error: str | None
    last_refreshed_at: datetime
    created_at: datetime
    now: datetime
    user_status: str
    session_ended_at: datetime | None
    session_last_used_at: datetime | None
    session_idle_expires_at: datetime | None
    session_absolute_expires_at: datetime | None

    @property
    def is_refreshable(self) -> bool:
        return self.state in REFRESHABLE

    @property
    def is_wanted(self) -> bool:
        """Whether the user is active, and the session that the grant belongs to is alive."""
        if self.user_status != Status.ACTIVE:
            return False
        if self.session_idle_expires_at is None or self.session_absolute_expires_at is None:
            return self.session_id is None
        expires_at = min(self.session_idle_expires_at, self.session_absolute_expires_at)
        return self.session_ended_at is None and self.now < expires_at

    @property
    def is_leased(self) -> bool:
        return self.leased_until is not None and self.leased_until > self.now

    @property
    def is_uncertain(self) -> bool:
        """Whether an earlier refresh may have used up the refresh token."""
        return self.state == GrantState.UNCERTAIN or self.sent_at is not None

    @property
    def is_over(self) -> bool:
        """Whether it is too late for a refresh."""
        return self.reauth_at is not None and self.now >= self.reauth_at

    @property
    def seconds_to_retry(self) -> float:
        """Seconds until the next attempt after a failure, 0 where it is allowed now."""
        if not self.attempts or self.due_at is None:
            return 0.0
        return max(0.0, (self.due_at - self.now).total_seconds())


@dataclass(frozen=True, slots=True, repr=False)
class LeasedGrant:
    """A grant that this process may refresh: `row` as it was before the lease."""

    row: GrantRow
    lease_id: uuid.UUID

    @property
    def attempts(self) -> int:
        """The number of attempts since the last success, with this one."""
        return self.row.attempts + 1


@dataclass(frozen=True, slots=True, repr=False, kw_only=True)
class NewGrant:
    """A grant to store in the transaction of a login."""

    id: uuid.UUID
    user_id: uuid.UUID
    provider: str
    session_id: uuid.UUID | None
    tokens: SealedTokens
    times: GrantTimes
    scope: str
