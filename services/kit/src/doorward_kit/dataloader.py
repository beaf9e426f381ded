"""Concurrent reads by key share one statement.

The hop to a thread and the round trip cost five times as much as the read itself. While one batch is running,
the next keys are collected: a single caller does not wait, and under load many callers share a statement.
Every value is read after its request arrived, so unlike a cache it is never stale.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from typing import Final, Generic, TypeVar

import sqlalchemy as sa

from doorward_client.errors import UnavailableError
from doorward_kit.metrics import Metrics
from doorward_kit.unit_of_work import Database

K = TypeVar("K")
V = TypeVar("V")

MAX_BATCH: Final = 128
"""Maximum number of keys in one statement."""


class DataLoader(Generic[K, V]):
    """Reads values by key with `fetch(connection, keys)`, which returns those that exist."""

    def __init__(
        self,
        name: str,
        database: Database,
        fetch: Callable[[sa.Connection, Sequence[K]], Mapping[K, V]],
        metrics: Metrics,
    ) -> None:
        self._database = database
        self._fetch = fetch
        self._size = metrics.batch_size.labels(name)
        self._waiting: dict[K, list[asyncio.Future[V | None]]] = {}
        self._runner: asyncio.Task[None] | None = None

    async def get(self, key: K) -> V | None:
        """Return the value of `key`, None if it does not exist; raises as Database.read does."""
        future: asyncio.Future[V | None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, []).append(future)
        if self._runner is None:
            self._runner = asyncio.create_task(self._run())
        return await future

    async def _run(self) -> None:
        try:
            while self._waiting:
                keys = list(self._waiting)[:MAX_BATCH]
                await self._load({key: self._waiting.pop(key) for key in keys})
        finally:
            self._runner = None

    async def _load(self, batch: dict[K, list[asyncio.Future[V | None]]]) -> None:
        self._size.observe(len(batch))
        keys = list(batch)
        try:
            found = await self._database.read(lambda connection: self._fetch(connection, keys))
        except Exception as error:  # noqa: BLE001 - every waiting caller gets it
            failed = [batch]
            if isinstance(error, UnavailableError):
                # Fail the queued callers too; they would only wait for a second timeout.
                failed.append(self._waiting)
                self._waiting = {}
            for future in _still_waiting(chain.from_iterable(chain(*(group.values() for group in failed)))):
                future.set_exception(error)
        else:
            for key, futures in batch.items():
                for future in _still_waiting(futures):
                    future.set_result(found.get(key))


def _still_waiting(futures: Iterable[asyncio.Future[V]]) -> Iterable[asyncio.Future[V]]:
    """Skip the futures of cancelled callers."""
    return (future for future in futures if not future.done())
