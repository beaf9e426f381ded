"""Where failures are counted: what a store does, and the one that is always there."""

from collections.abc import Sequence
from typing import Protocol

from doorward_auth.rate_limiting import repository
from doorward_auth.rate_limiting.limits import Subject
from doorward_kit.unit_of_work import Database


class BackendUnavailableError(Exception):
    """The store does not answer; nothing is known of what it did."""


class RateLimitBackend(Protocol):
    """Counts for all replicas together. Waits are seconds, in the order of the subjects, 0 for none."""

    async def waits(self, subjects: Sequence[Subject]) -> Sequence[float]:
        """Return how long each subject has to wait still."""

    async def counts(self, subjects: Sequence[Subject]) -> Sequence[int]:
        """Return what is counted of each subject."""

    async def claim(self, subjects: Sequence[Subject], *, counts: bool) -> Sequence[float]:
        """Claim one answer for all the subjects; return zeros to who got it, else how long each has to wait.

        Claims are granted one after the other, also to those that do not count as one more. While a
        subject has to wait none is granted, and nothing is counted.
        """


class DatabaseBackend:
    """Counts in the database, where everything else is that has to outlive a process."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def waits(self, subjects: Sequence[Subject]) -> Sequence[float]:
        """Read them; raises DatabaseUnavailableError."""
        return await self._database.read(lambda connection: repository.waits(connection, subjects))

    async def counts(self, subjects: Sequence[Subject]) -> Sequence[int]:
        """Read them; raises DatabaseUnavailableError."""
        return await self._database.read(lambda connection: repository.counts(connection, subjects))

    async def claim(self, subjects: Sequence[Subject], *, counts: bool) -> Sequence[float]:
        """Claim in a transaction of its own; raises DatabaseUnavailableError."""
        return await self._database.write(
            lambda connection: repository.claim(connection, subjects, counts=counts)
        )
