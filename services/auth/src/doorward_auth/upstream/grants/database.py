"""Access to the grants: single statements, transactions, and writes that outlast a short outage."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import sqlalchemy as sa

from doorward_kit.retries import until_available
from doorward_kit.unit_of_work import Database

T = TypeVar("T")
Query = Callable[[sa.Connection], T]

_MOST_WRITES: Final = 2


class GrantDatabase:
    """The identity database. Results of requests use two connections of the pool at most.

    They have a semaphore of their own, so that a result is never queued behind the start of the next request.
    Refreshes and revocations have an object each: a result of a refresh must be stored before its lease ends,
    and one of a revocation may be lost.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._results = asyncio.Semaphore(_MOST_WRITES)

    async def read(self, query: Query[T]) -> T:
        """Read as Database.read does."""
        return await self._database.read(query)

    async def write(self, query: Query[T]) -> T:
        """Write in one transaction, as Database.write does."""
        return await self._database.write(query)

    async def execute_single(self, query: Query[T]) -> T:
        """Run one statement that writes, as Database.execute_single does."""
        return await self._database.execute_single(query)

    async def finish(self, query: Query[T], *, until: float) -> T | None:
        """Run one statement that ends an attempt, again while the database is unavailable.

        None if it still is at the event loop's time `until`. What an upstream has issued must survive a short
        outage of the database.
        """
        return await self._finish(lambda: self._database.execute_single(query), until=until)

    async def finish_write(self, query: Query[T], *, until: float) -> T | None:
        """Do the same with a transaction."""
        return await self._finish(lambda: self._database.write(query), until=until)

    async def _finish(self, write: Callable[[], Awaitable[T]], *, until: float) -> T | None:
        async def attempt() -> T:
            async with self._results:
                return await write()

        return await until_available(attempt, until=until)
