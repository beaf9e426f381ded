"""The list itself, in memory."""

import time
import uuid
from enum import StrEnum
from typing import Final

from doorward_client.errors import UnavailableError
from doorward_client.revocations.models import Changes

_MASK: Final = (1 << 64) - 1


class StaleRevocationsError(UnavailableError):
    """503: the list is too old, and settings say that then nobody is believed."""

    code = "revocations_stale"
    detail = "This service cannot tell which tokens were revoked. Try again shortly."


class StalePolicy(StrEnum):
    """What to do when the list is older than its bound."""

    ALLOW = "allow"
    DENY = "deny"


class RevocationList:
    """The list. A check is two look-ups.

    When the list is older than `max_age` seconds, `policy` says whether tokens are still believed.
    """

    def __init__(self, *, max_age: float = 10.0, policy: StalePolicy = StalePolicy.ALLOW) -> None:
        self.max_age: Final = max_age
        self.policy: Final = policy
        self._sessions: dict[uuid.UUID, float] = {}
        self._users: dict[uuid.UUID, tuple[int, float]] = {}
        self._updated_at: float | None = None
        self.fingerprint = 0

    def is_revoked(self, *, session_id: uuid.UUID, user_id: uuid.UUID, token_version: int) -> bool:
        """Tell whether a token with these claims has died; raises StaleRevocationsError."""
        if self.policy is StalePolicy.DENY and self.is_stale():
            raise StaleRevocationsError
        if session_id in self._sessions:
            return True
        entry = self._users.get(user_id)
        return entry is not None and token_version < entry[0]

    def apply(self, changes: Changes) -> Changes:
        """Add what a look brought, and return what of it is new: nothing else needs to be told on."""
        news = self.add(changes)
        self._updated_at = time.monotonic() - changes.age
        return news

    def add(self, changes: Changes) -> Changes:
        """Add entries and return the new ones. Entries are only ever added: a repeated one does no harm."""
        now = time.monotonic()
        sessions = {one: seconds for one, seconds in changes.sessions.items() if one not in self._sessions}
        users = {one: entry for one, entry in changes.users.items() if entry[0] > self._epoch(one)}
        for session, seconds in changes.sessions.items():
            self._sessions[session] = max(now + seconds, self._sessions.get(session, 0.0))
        for user, (token_version, seconds) in changes.users.items():
            known = self._users.get(user, (0, 0.0))
            self._users[user] = (max(token_version, known[0]), max(now + seconds, known[1]))
            self._mark(user, known[0], max(token_version, known[0]))
        for session in sessions:
            self._mark(session, 0, 1)
        return Changes(sessions, users, changes.cursor, read_by=changes.read_by)

    def everything(self) -> Changes:
        """Return every entry with what is left of its lifetime."""
        now = time.monotonic()
        return Changes(
            {session: until - now for session, until in self._sessions.items() if until > now},
            {
                user: (token_version, until - now)
                for user, (token_version, until) in self._users.items()
                if until > now
            },
        )

    def clear(self) -> None:
        """Forget every entry."""
        self._sessions.clear()
        self._users.clear()
        self.fingerprint = 0

    def sweep(self) -> None:
        """Drop the entries whose tokens have all expired by themselves."""
        now = time.monotonic()
        for session in [session for session, until in self._sessions.items() if until <= now]:
            del self._sessions[session]
            self._mark(session, 1, 0)
        for user in [user for user, (_, until) in self._users.items() if until <= now]:
            self._mark(user, self._users.pop(user)[0], 0)

    def is_stale(self) -> bool:
        """Tell whether the list is older than its bound, or was never read."""
        return self._updated_at is None or time.monotonic() - self._updated_at > self.max_age

    def age(self) -> float | None:
        """Return how many seconds ago the list was last brought up to date, None before the first time."""
        return None if self._updated_at is None else time.monotonic() - self._updated_at

    def __len__(self) -> int:
        return len(self._sessions) + len(self._users)

    def _epoch(self, user: uuid.UUID) -> int:
        entry = self._users.get(user)
        return 0 if entry is None else entry[0]

    def _mark(self, subject: uuid.UUID, before: int, after: int) -> None:
        """Keep `fingerprint`: equal lists have equal ones on every replica, in whatever order they grew."""
        if before:
            self.fingerprint ^= hash((subject.int & _MASK, before)) & _MASK
        if after:
            self.fingerprint ^= hash((subject.int & _MASK, after)) & _MASK
