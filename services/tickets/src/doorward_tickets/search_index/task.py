"""The background task that brings the search terms of stored tickets up to date, from every replica."""

import asyncio
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

import structlog

from doorward_kit.periodic import repeat
from doorward_kit.unit_of_work import Database
from doorward_tickets.search_index import repository

log = structlog.get_logger(__name__)

INTERVAL_SECONDS: Final = 60.0
PAUSE_SECONDS: Final = 0.05
"""Between two batches: requests come first."""

MARGIN: Final = timedelta(minutes=1)
"""Age of the newest tickets that are read: younger ones may still be committed in another order."""


class SearchIndexTask:
    """Indexes tickets again in batches. A restart continues after the last committed batch."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def run(self) -> None:
        """Update what is behind, every minute."""
        await repeat(
            lambda: self.catch_up(datetime.now(UTC) - MARGIN),
            interval=INTERVAL_SECONDS,
            failed="search_index.failed",
        )

    async def catch_up(self, until: datetime) -> int:
        """Update the tickets created before a time; return how many have changed.

        Raises as Database.read and Database.write do.
        """
        if not await self._database.read(partial(repository.is_behind, until=until)):
            return 0
        changed = 0
        while (batch := await self._database.write(partial(repository.update_batch, until=until))).read:
            changed += batch.changed
            await asyncio.sleep(PAUSE_SECONDS)
        if changed:
            log.info("search_index.updated", tickets=changed)
        return changed
