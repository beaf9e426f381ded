"""Deletion of expired rows in small batches, from every replica, while the process serves."""

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Final, Protocol

import sqlalchemy as sa
import structlog

from doorward_kit.unit_of_work import Database

log = structlog.get_logger(__name__)

INTERVAL_SECONDS: Final = 10.0
BATCH_SIZE: Final = 500
"""Rows in a transaction: few, because other transactions wait for their locks."""


class Purge(Protocol):
    """Deletes up to `count` expired rows of one kind in a transaction; returns how many.

    It must not hold up a request: it selects without locks and then deletes by primary key, with the
    condition once more, or it skips locked rows. Replicas purge at the same time.
    """

    def __call__(self, connection: sa.Connection, /, *, count: int) -> int: ...


class Removal(Protocol):
    """Deletes up to `count` expired things of one kind that are not in the database alone; returns how many.

    It has transactions of its own, because none may wait for another server.
    """

    async def __call__(self, *, count: int) -> int: ...


class CleanupTask:
    """Runs several purges and removals, each under the name that the log knows it by."""

    def __init__(
        self, database: Database, purges: Mapping[str, Purge], removals: Mapping[str, Removal] | None = None
    ) -> None:
        self._database = database
        self._removals: Mapping[str, Removal] = {
            **{name: partial(self._delete_batch, purge) for name, purge in purges.items()},
            **(removals or {}),
        }

    async def run(self) -> None:
        """Purge every ten seconds; a kind that had expired rows is purged again at once."""
        while True:
            await asyncio.sleep(INTERVAL_SECONDS)
            backlog = list(self._removals)
            while backlog:
                backlog = [name for name in backlog if await self._try(name)]

    async def run_once(self) -> int:
        """Delete one batch of each kind; return the size of the largest. Raises as Database.write does."""
        return max([await remove(count=BATCH_SIZE) for remove in self._removals.values()])

    async def _try(self, name: str) -> int:
        try:
            rows = await self._removals[name](count=BATCH_SIZE)
        except Exception as error:  # noqa: BLE001 - one kind must not keep the others
            log.warning("cleanup.failed", purge=name, error=repr(error))
            return 0
        if rows:
            log.info("cleanup.deleted", purge=name, rows=rows)
        return rows

    async def _delete_batch(self, purge: Purge, *, count: int) -> int:
        return await self._database.write(partial(purge, count=count))
