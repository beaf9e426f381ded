"""The worker's access to its outbox: one statement or transaction at a time."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

import sqlalchemy as sa

from doorward_kit.retries import until_available
from doorward_kit.unit_of_work import Database

T = TypeVar("T")
OutboxQuery = Callable[[sa.Connection, sa.Table], T]


class OutboxDatabase:
    """An outbox in a database; it uses two connections of the pool at most, however many mails are sent.

    Completions use their own semaphore so they are never queued behind reads: an unrecorded send would be
    repeated after a crash.
    """

    def __init__(self, database: Database, outbox: sa.Table) -> None:
        self._database = database
        self._outbox = outbox
        self._reads = asyncio.Semaphore(1)
        self._completions = asyncio.Semaphore(1)

    async def read(self, query: OutboxQuery[T]) -> T:
        """Read as Database.read does."""
        async with self._reads:
            return await self._database.read(lambda connection: query(connection, self._outbox))

    async def write(self, query: OutboxQuery[T]) -> T:
        """Write in one transaction, as Database.write does."""
        async with self._reads:
            return await self._database.write(lambda connection: query(connection, self._outbox))

    async def finish(self, query: OutboxQuery[bool], *, until: float) -> bool | None:
        """Run one statement that ends a lease; return its result, None if the database is unavailable.

        It is retried until the event loop's time is `until`, and runs at least once: a short outage of the
        database must not make a mail that was sent look unsent.
        """

        async def attempt() -> bool:
            async with self._completions:
                return await self._database.execute_single(lambda connection: query(connection, self._outbox))

        return await until_available(attempt, until=until)
