"""Limits: what they count, and how long a caller must wait. Pure arithmetic on what is stored about a key."""

import hashlib
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from doorward_kit.client_ip import source_of

NO_WAIT: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""`blocked_until` of a key that need not wait: past for every clock."""


@dataclass(frozen=True, slots=True)
class Record:
    """The stored state of a key. The times are the database's."""

    count: int
    expires_at: datetime
    blocked_until: datetime


@dataclass(frozen=True, slots=True)
class ExponentialBackoff:
    """Some failures are free; each further one doubles the wait, from `first_wait` to `longest_wait`.

    A key is stored for `memory` seconds after its last failure, so pausing gains no further guesses.
    """

    name: str
    free: int
    memory: int
    first_wait: int
    longest_wait: int

    def after(self, record: Record | None, now: datetime) -> Record:
        """Return the record after one more failure."""
        count = 1 if record is None or record.expires_at <= now else record.count + 1
        wait = self._wait(count - self.free)
        blocked_until = now + timedelta(seconds=wait) if wait else NO_WAIT
        return Record(count, now + timedelta(seconds=self.memory), blocked_until)

    def _wait(self, further: int) -> int:
        if further <= 0:
            return 0
        # The shift is bounded, because the count is not.
        return min(self.first_wait << min(further - 1, self.longest_wait.bit_length()), self.longest_wait)


@dataclass(frozen=True, slots=True)
class FixedWindow:
    """`free` attempts in a window of `memory` seconds, which starts with the first attempt."""

    name: str
    free: int
    memory: int

    def after(self, record: Record | None, now: datetime) -> Record:
        """Return the record after one more attempt."""
        if record is None or record.expires_at <= now:
            count, end = 1, now + timedelta(seconds=self.memory)
        else:
            count, end = record.count + 1, record.expires_at
        return Record(count, end, end if count >= self.free else NO_WAIT)


Limit = ExponentialBackoff | FixedWindow


@dataclass(frozen=True, slots=True)
class LimitKey:
    """A limit, and the hash of what it counts: no address and no account is stored in clear."""

    limit: Limit
    hash: bytes

    @classmethod
    def of(cls, limit: Limit, subject: str | uuid.UUID) -> "LimitKey":
        """Return the key of an email key, an id, or a source."""
        raw = subject.encode("utf-8", "surrogatepass") if isinstance(subject, str) else subject.bytes
        return cls(limit, hashlib.sha256(limit.name.encode("ascii") + b"\0" + raw).digest())

    @classmethod
    def of_source(cls, limit: Limit, ip_address: str) -> "LimitKey":
        """Return the key of a source (see `source_of`)."""
        return cls.of(limit, source_of(ip_address))
