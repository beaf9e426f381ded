"""The worker's way to its outbox: a statement or transaction at a time, whatever is under way."""

import asyncio
from collections.abc import Callable
from typing import Final, TypeVar

import sqlalchemy as sa

from doorward_client.errors import UnavailableError
from doorward_kit.unit_of_work import Database

T = TypeVar("T")
OutboxWork = Callable[[sa.Connection, sa.Table], T]

_AGAIN_SECONDS: Final = 1.0


class OutboxDatabase:
    """An outbox in a database. However many mails are under way, they keep two connections busy at most.

    Ends have a turn of their own: until it is written down that a mail was sent, a crash sends it
    again.
    """

    def __init__(self, database: Database, outbox: sa.Table) -> None:
        self._database = database
        self._outbox = outbox
        self._turn = asyncio.Semaphore(1)
        self._end_turn = asyncio.Semaphore(1)

    async def read(self, work: OutboxWork[T]) -> T:
        """Do as Database.read does."""
        async with self._turn:
            return await self._database.read(lambda connection: work(connection, self._outbox))

    async def write(self, work: OutboxWork[T]) -> T:
        """Do as Database.write does."""
        async with self._turn:
            return await self._database.write(lambda connection: work(connection, self._outbox))

    async def settle(self, work: OutboxWork[bool], *, until: float) -> bool | None:
        """Run one statement that ends a lease; return its answer, None if the database did not take it.

        Tried again until the event loop's time is `until`, at least once: a mail that was sent must
        not be forgotten because the database blinked.
        """
        loop = asyncio.get_running_loop()
        while True:
            try:
                async with self._end_turn:
                    return await self._database.execute_single(
                        lambda connection: work(connection, self._outbox)
                    )
            except UnavailableError:
                if loop.time() + _AGAIN_SECONDS >= until:
                    return None
            await asyncio.sleep(_AGAIN_SECONDS)
