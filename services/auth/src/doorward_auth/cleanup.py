"""Deleting what nobody needs any more: sessions long over, and all that has expired."""

import uuid
from datetime import timedelta
from functools import partial
from typing import Final

from doorward_auth.one_time_codes import repository as codes
from doorward_auth.rate_limiting import repository as rate_limits
from doorward_auth.registration import repository as registrations
from doorward_auth.sessions import repository as sessions
from doorward_identity import deleted_users_feed, token_revocation
from doorward_kit.cleanup import BATCH, run_cleanup_loop
from doorward_kit.unit_of_work import Database

KEPT: Final = timedelta(days=7)
"""How long a session that is over stays, for whoever has to find out what happened."""


_EXPIRING: Final = (
    token_revocation.sweep,
    registrations.sweep,
    codes.sweep,
    rate_limits.sweep,
    deleted_users_feed.sweep,
)


class CleanupTask:
    """Sweeps in small batches, from every replica: they do not disturb each other.

    It walks through the sessions again and again, by primary key: an index on what makes a session old would
    be written with every refresh.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._behind = uuid.UUID(int=0)

    async def run(self) -> None:
        """Sweep now and then, for as long as the process serves."""
        await run_cleanup_loop(self.sweep)

    async def sweep(self) -> int:
        """Sweep one batch of each; return how many rows went of the kind of which more did."""
        over, self._behind = await self._database.write(
            lambda connection: sessions.sweep(connection, self._behind, keep=KEPT, count=BATCH)
        )
        expired = [await self._database.write(partial(sweep, count=BATCH)) for sweep in _EXPIRING]
        return max(over, *expired)
