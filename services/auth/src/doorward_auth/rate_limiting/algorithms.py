"""How long somebody has to wait after so many failures, or when a budget is used up.

Pure arithmetic on what is remembered. Redis computes the same by itself (see redis_store): a test holds
the two against each other.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

NO_WAIT: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""The end of no wait: surely over, also to somebody who read the clock a moment before it was stored."""


@dataclass(frozen=True, slots=True)
class Record:
    """What is remembered of a subject. The times are of the clock of whoever keeps it."""

    count: int
    expires_at: datetime
    blocked_until: datetime


class Terms(NamedTuple):
    """A limit in numbers; times are in seconds. A budget's waits are 0: one waits for its window's end."""

    free: int
    memory: int
    first_wait: int
    longest_wait: int


@dataclass(frozen=True, slots=True)
class Backoff:
    """So many failures are free, and each further one doubles the wait, from the first to the longest.

    `memory` is how long a subject is remembered after its last failure: so long that nobody gets more
    guesses by pausing until the free ones are there again. Times are in seconds.
    """

    name: str
    free: int
    memory: int
    first_wait: int
    longest_wait: int

    def after(self, record: Record | None, now: datetime) -> Record:
        """Return what is to be remembered after one more failure."""
        count = 1 if record is None or record.expires_at <= now else record.count + 1
        wait = self._wait(count - self.free)
        blocked_until = now + timedelta(seconds=wait) if wait else NO_WAIT
        return Record(count, now + timedelta(seconds=self.memory), blocked_until)

    def terms(self) -> Terms:
        """Return the limit in numbers."""
        return Terms(self.free, self.memory, self.first_wait, self.longest_wait)

    def _wait(self, further: int) -> int:
        if further <= 0:
            return 0
        # No shift is needed past the one that is surely too long, however many failures there are.
        return min(self.first_wait << min(further - 1, self.longest_wait.bit_length()), self.longest_wait)


@dataclass(frozen=True, slots=True)
class Budget:
    """So many in a window, which begins with the first; then one waits for the window's end (seconds)."""

    name: str
    free: int
    memory: int

    def after(self, record: Record | None, now: datetime) -> Record:
        """Return what is to be remembered after one more."""
        if record is None or record.expires_at <= now:
            count, end = 1, now + timedelta(seconds=self.memory)
        else:
            count, end = record.count + 1, record.expires_at
        return Record(count, end, end if count >= self.free else NO_WAIT)

    def terms(self) -> Terms:
        """Return the limit in numbers."""
        return Terms(self.free, self.memory, 0, 0)


Limit = Backoff | Budget
