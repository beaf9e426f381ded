"""Reads that arrive together are answered by one statement.

The hop to a thread and the round trip cost five times what reading one row by its key does. While
one batch is on its way the next callers gather, so a lone caller waits for nobody, and under load
many share one statement. Every answer is read after its question was asked: unlike a cache, it is
never stale.
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
"""Keys in one statement."""


class DataLoader(Generic[K, V]):
    """Reads values by key through `fetch(connection, keys)`, which returns those that exist."""

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
        """Return the value of `key`, None where there is none; raises as Database.read does."""
        future: asyncio.Future[V | None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, []).append(future)
        if self._runner is None:
            self._runner = asyncio.create_task(self._run())
        return await future

    async def _run(self) -> None:
        try:
            while self._waiting:
                keys = list(self._waiting)[:MAX_BATCH]
                await self._answer({key: self._waiting.pop(key) for key in keys})
        finally:
            self._runner = None

    async def _answer(self, batch: dict[K, list[asyncio.Future[V | None]]]) -> None:
        self._size.observe(len(batch))
        keys = list(batch)
        try:
            found = await self._database.read(lambda connection: self._fetch(connection, keys))
        except Exception as error:  # noqa: BLE001 - handed on, to everyone who waits for it
            failed = [batch]
            if isinstance(error, UnavailableError):
                # Those who gathered meanwhile have waited as long: a database that hangs must not
                # cost them a second time.
                failed.append(self._waiting)
                self._waiting = {}
            for future in _waiting_still(chain.from_iterable(chain(*(one.values() for one in failed)))):
                future.set_exception(error)
        else:
            for key, futures in batch.items():
                for future in _waiting_still(futures):
                    future.set_result(found.get(key))


def _waiting_still(futures: Iterable[asyncio.Future[V]]) -> Iterable[asyncio.Future[V]]:
    """Leave out the callers who have gone meanwhile."""
    return (future for future in futures if not future.done())
