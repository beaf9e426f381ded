"""Deleting what nobody needs any more: sessions long over, revocations whose tokens have expired."""

import asyncio
from datetime import timedelta
from typing import Final

import structlog

from doorward_auth.sessions import repository
from doorward_common.unit_of_work import Database
from doorward_identity import revocations

log = structlog.get_logger(__name__)

INTERVAL_SECONDS: Final = 10.0
BATCH: Final = 500
"""Rows a transaction: a short lock, and a short wait for whoever meets it."""

KEPT: Final = timedelta(days=7)
"""How long a session that is over stays, for whoever has to find out what happened."""


class Sweeper:
    """Walks through the sessions again and again, a batch at a time, from every replica.

    By primary key: an index on what makes a session old would be written with every refresh.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._behind = b""

    async def run(self) -> None:
        """Sweep now and then, for as long as the process serves."""
        while True:
            await asyncio.sleep(INTERVAL_SECONDS)
            try:
                while await self.sweep() == BATCH:
                    pass
            except Exception as error:  # noqa: BLE001 - whatever it was, the next time may succeed
                log.warning("sweep.failed", error=repr(error))

    async def sweep(self) -> int:
        """Sweep one batch of each; return how many rows went of the kind of which more did."""
        over, self._behind = await self._database.write(
            lambda connection: repository.sweep(connection, self._behind, keep=KEPT, count=BATCH)
        )
        expired = await self._database.write(lambda connection: revocations.sweep(connection, BATCH))
        return max(over, expired)
