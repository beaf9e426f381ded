"""The background task that keeps the directory's index complete, from every replica.

The index of an account changes with the account. During an upgrade the previous release stores accounts
without: the task finds these, and all accounts of before.
"""

import asyncio
import uuid
from collections.abc import Sequence
from functools import partial
from typing import Final

import sqlalchemy as sa
import structlog

from doorward_identity.directory_index import find_outdated, update_terms
from doorward_identity.tables import users
from doorward_kit.periodic import repeat
from doorward_kit.unit_of_work import Database

log = structlog.get_logger(__name__)

DELAY_SECONDS: Final = 30.0
INTERVAL_SECONDS: Final = 24 * 3600.0
PAUSE_SECONDS: Final = 0.1
"""Between two batches: requests come first."""

BATCH_SIZE: Final = 100
"""Accounts in a transaction."""

_START: Final = uuid.UUID(int=0)


class DirectoryIndexTask:
    """Compares the index with all accounts. A restart begins anew, but only reads finished accounts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def run(self) -> None:
        """Check all accounts, soon after the start and once a day."""
        await repeat(
            self.check_all, interval=INTERVAL_SECONDS, retry=DELAY_SECONDS, failed="directory_index.failed"
        )

    async def check_all(self) -> int:
        """Update the terms of all accounts; return how many accounts have changed.

        Raises as Database.read and Database.write do.
        """
        changed, after = 0, _START
        while True:
            outdated, last = await self._database.read(partial(find_outdated, after=after, count=BATCH_SIZE))
            if last is None:
                break
            if outdated:
                await self._database.write(partial(_update, user_ids=outdated))
                changed += len(outdated)
            after = last
            await asyncio.sleep(PAUSE_SECONDS)
        if changed:
            log.info("directory_index.updated", users=changed)
        return changed


def _update(connection: sa.Connection, user_ids: Sequence[uuid.UUID]) -> None:
    """Lock accounts, then update their terms: they may have changed since they were read."""
    locked = sa.select(users.c.id).where(users.c.id.in_(user_ids)).order_by(users.c.id).with_for_update()
    connection.execute(locked).all()
    update_terms(connection, user_ids)
