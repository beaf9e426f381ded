"""The revocation list of a process, in memory."""

import time
import uuid
from enum import StrEnum
from typing import Final

from doorward_client.errors import UnavailableError
from doorward_client.revocations.models import FetchedRevocations, RevocationEntries

_MASK: Final = (1 << 64) - 1


class RevocationsNotReadError(UnavailableError):
    """503 before the first list: any valid token could be a revoked one."""

    code = "revocations_unavailable"
    detail = "The service has not loaded the revocation list yet. Try again shortly."


class StaleRevocationsError(UnavailableError):
    """503: the list is stale, and the policy for that is to deny."""

    code = "revocations_stale"
    detail = "The service cannot check for revoked tokens at the moment. Try again shortly."


class StalePolicy(StrEnum):
    """Whether valid tokens are allowed while the list is stale."""

    ALLOW = "allow"
    DENY = "deny"


class RevocationList:
    """Revoked sessions and users. A check is two look-ups.

    Entries are only added and expire by themselves, so an older answer never removes one. `policy` applies
    when the list is older than `max_age` seconds, and never before the first list.
    """

    def __init__(self, *, max_age: float = 10.0, policy: StalePolicy = StalePolicy.ALLOW) -> None:
        self.max_age: Final = max_age
        self.policy: Final = policy
        self._sessions: dict[uuid.UUID, float] = {}
        self._users: dict[uuid.UUID, tuple[int, float]] = {}
        self._current_at: float | None = None
        self._fingerprint = 0

    @property
    def fingerprint(self) -> str:
        """A hash of the entries without their lifetimes: equal lists have equal ones on every replica."""
        return f"{self._fingerprint:016x}"

    def is_revoked(self, *, session_id: uuid.UUID, user_id: uuid.UUID, token_version: int) -> bool:
        """Return whether a token with these claims is revoked.

        Raises RevocationsNotReadError, and StaleRevocationsError if the policy is to deny.
        """
        if self._current_at is None:
            raise RevocationsNotReadError
        if self.policy is StalePolicy.DENY and self.is_stale():
            raise StaleRevocationsError
        if session_id in self._sessions:
            return True
        entry = self._users.get(user_id)
        return entry is not None and token_version < entry[0]

    def apply(self, fetched: FetchedRevocations) -> RevocationEntries:
        """Add the result of a poll, remove expired entries, and return the entries that are new."""
        new_entries = self.add(fetched.entries)
        self._remove_expired()
        current_at = time.monotonic() - fetched.age
        self._current_at = current_at if self._current_at is None else max(current_at, self._current_at)
        return new_entries

    def add(self, entries: RevocationEntries) -> RevocationEntries:
        """Add entries and return the new ones; a repeated entry can only live longer."""
        now = time.monotonic()
        new_sessions, new_users = {}, {}
        for session, seconds in entries.sessions.items():
            known_until = self._sessions.get(session)
            if known_until is None:
                new_sessions[session] = seconds
                self._update_fingerprint(session, 0, 1)
            self._sessions[session] = max(now + seconds, known_until or 0.0)
        for user, (token_version, seconds) in entries.users.items():
            known, until = self._users.get(user, (0, 0.0))
            if token_version > known:
                new_users[user] = (token_version, seconds)
                self._update_fingerprint(user, known, token_version)
            self._users[user] = (max(token_version, known), max(now + seconds, until))
        return RevocationEntries(new_sessions, new_users)

    def snapshot(self) -> RevocationEntries:
        """Return all entries with their remaining lifetimes."""
        now = time.monotonic()
        return RevocationEntries(
            {session: until - now for session, until in self._sessions.items() if until > now},
            {user: (version, until - now) for user, (version, until) in self._users.items() if until > now},
        )

    def is_stale(self) -> bool:
        """Return whether the list is older than its limit, or was never read."""
        age = self.age()
        return age is None or age > self.max_age

    def age(self) -> float | None:
        """Return how many seconds ago the list was current, None before the first list."""
        return None if self._current_at is None else time.monotonic() - self._current_at

    def __len__(self) -> int:
        return len(self._sessions) + len(self._users)

    def _remove_expired(self) -> None:
        now = time.monotonic()
        for session in [session for session, until in self._sessions.items() if until <= now]:
            del self._sessions[session]
            self._update_fingerprint(session, 1, 0)
        for user in [user for user, (_, until) in self._users.items() if until <= now]:
            self._update_fingerprint(user, self._users.pop(user)[0], 0)

    def _update_fingerprint(self, subject: uuid.UUID, before: int, after: int) -> None:
        # An XOR of hashes does not depend on the order of changes.
        for version in (before, after):
            if version:
                self._fingerprint ^= hash((subject.int & _MASK, version)) & _MASK
