"""The background task that numbers the tickets of a release without numbers, from every replica."""

import asyncio
from typing import Final

import structlog

from doorward_kit.periodic import repeat
from doorward_kit.unit_of_work import Database
from doorward_tickets.numbers import repository

log = structlog.get_logger(__name__)

INTERVAL_SECONDS: Final = 10.0
"""While an upgrade is under way, the previous release still stores tickets without a number."""

PAUSE_SECONDS: Final = 0.05
"""Between two batches: requests come first."""


class NumberingTask:
    """Numbers tickets in batches, in the order of their creation. A restart continues with the rest."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def run(self) -> None:
        """Number what has no number, every ten seconds."""
        await repeat(self.catch_up, interval=INTERVAL_SECONDS, failed="ticket_numbers.failed")

    async def catch_up(self) -> int:
        """Number all tickets without a number; return how many. Raises as Database.read and write do."""
        if not await self._database.read(repository.is_any_unnumbered):
            return 0
        total = 0
        while count := await self._database.write(repository.number_batch):
            total += count
            await asyncio.sleep(PAUSE_SECONDS)
        log.info("ticket_numbers.assigned", tickets=total)
        return total
