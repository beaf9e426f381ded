"""The short list of access tokens that died before their time (ASVS 7.4.1).

Tokens are verified without asking anybody, so every verifier holds the list: sessions that ended,
and for users whose tokens all ended the lowest epoch that still counts. An entry lives as long as
the last token that it can hit, so the list is as long as five minutes of sign-outs.
"""

import asyncio
import time
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

import structlog

from doorward_common.errors import UnavailableError
from doorward_common.metrics import Metrics

log = structlog.get_logger(__name__)

SWEEP_SECONDS: Final = 10.0


class StaleRevocationsError(UnavailableError):
    """503: the list is too old, and settings say that then nobody is believed."""

    code = "revocations_stale"
    detail = "This service cannot tell which tokens were revoked. Try again shortly."


class StalePolicy(StrEnum):
    """What to do when the list is older than its bound."""

    ACCEPT = "accept"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Changes:
    """What one look at the source brought. Lifetimes are seconds from now, so clocks may differ.

    `sessions` maps a session to its entry's lifetime, `users` a user to (lowest epoch, lifetime);
    `cursor` is for the next look, which brings what has changed since.
    """

    sessions: Mapping[uuid.UUID, float]
    users: Mapping[uuid.UUID, tuple[int, float]]
    cursor: str


class Source(Protocol):
    """Where the list comes from: the database, or auth over HTTP."""

    async def changes(self, cursor: str | None) -> Changes:
        """Return everything (without a cursor) or what changed since; any exception is a failed look."""


class Revocations:
    """The list. A check is two look-ups.

    When the list is older than `max_age` seconds, `policy` says whether tokens are still believed.
    """

    def __init__(self, *, max_age: float = 10.0, policy: StalePolicy = StalePolicy.ACCEPT) -> None:
        self.max_age: Final = max_age
        self.policy: Final = policy
        self._sessions: dict[uuid.UUID, float] = {}
        self._users: dict[uuid.UUID, tuple[int, float]] = {}
        self._updated_at: float | None = None

    def is_revoked(self, *, session_id: uuid.UUID, subject: uuid.UUID, epoch: int) -> bool:
        """Tell whether a token with these claims has died; raises StaleRevocationsError."""
        if self.policy is StalePolicy.REFUSE and self.is_stale():
            raise StaleRevocationsError
        if session_id in self._sessions:
            return True
        entry = self._users.get(subject)
        return entry is not None and epoch < entry[0]

    def apply(self, changes: Changes) -> None:
        """Add what a look brought. Entries are only ever added, so a repeated one does no harm."""
        now = time.monotonic()
        self._sessions.update((session, now + seconds) for session, seconds in changes.sessions.items())
        for user, (epoch, seconds) in changes.users.items():
            known = self._users.get(user, (0, 0.0))
            self._users[user] = (max(epoch, known[0]), max(now + seconds, known[1]))
        self._updated_at = now

    def clear(self) -> None:
        """Forget every entry."""
        self._sessions.clear()
        self._users.clear()

    def sweep(self) -> None:
        """Drop the entries whose tokens have all expired by themselves."""
        now = time.monotonic()
        for session in [session for session, until in self._sessions.items() if until <= now]:
            del self._sessions[session]
        for user in [user for user, (_, until) in self._users.items() if until <= now]:
            del self._users[user]

    def is_stale(self) -> bool:
        """Tell whether the list is older than its bound, or was never read."""
        return self._updated_at is None or time.monotonic() - self._updated_at > self.max_age

    def age(self) -> float | None:
        """Return how many seconds ago the list was last brought up to date, None before the first time."""
        return None if self._updated_at is None else time.monotonic() - self._updated_at

    def __len__(self) -> int:
        return len(self._sessions) + len(self._users)


class RevocationFeed:
    """Keeps a list up to date from its source, for as long as the service runs."""

    def __init__(
        self,
        revocations: Revocations,
        source: Source,
        metrics: Metrics,
        *,
        interval: float,
        full_every: float = 60.0,
    ) -> None:
        self.revocations = revocations
        self._source = source
        self._interval = interval
        self._full_every = full_every
        self._cursor: str | None = None
        self._full_at = float("-inf")
        self._swept_at = time.monotonic()
        self._woken = asyncio.Event()
        metrics.revocations_age.set_function(lambda: revocations.age() or 0.0)
        metrics.revocations.set_function(revocations.__len__)

    async def run(self) -> None:
        """Look at the source again and again; a failed look only lets the list age."""
        while True:
            try:
                await self.update()
            except Exception as error:  # noqa: BLE001 - whatever it was, the next look may succeed
                log.warning("revocations.stale", age=self.revocations.age(), error=repr(error))
            with suppress(TimeoutError):
                async with asyncio.timeout(self._interval):
                    await self._woken.wait()
            self._woken.clear()

    def wake(self) -> None:
        """Look now: this very process has just revoked something."""
        self._woken.set()

    async def update(self) -> None:
        """Look once."""
        now = time.monotonic()
        if now - self._full_at > self._full_every:
            # From time to time everything, so that nothing missed stays missed.
            self._cursor = None
        changes = await self._source.changes(self._cursor)
        if self._cursor is None:
            self._full_at = now
        self._cursor = changes.cursor
        self.revocations.apply(changes)
        if now - self._swept_at > SWEEP_SECONDS:
            self.revocations.sweep()
            self._swept_at = now
