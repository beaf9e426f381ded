"""Logins at an upstream's own pages that their clients never finished: their tokens are revoked there."""

from typing import Final

import sqlalchemy as sa
import structlog

from doorward_auth.upstream.redirects import repository
from doorward_auth.upstream.redirects.sealing import AuthorizationSealing
from doorward_auth.upstream.token_revocation import UpstreamTokenRevocation
from doorward_auth.vault.errors import DamagedValueError
from doorward_kit.cleanup import CleanupTask
from doorward_kit.unit_of_work import Database

log = structlog.get_logger(__name__)

BATCH_SIZE: Final = 100
"""Rows in a transaction: few, because each costs several statements."""


class AbandonedLogins:
    """Deletes logins whose one-time code has expired, or whose process crashed, and revokes their tokens.

    Logins whose key this process does not have wait for a process that has it.
    """

    def __init__(
        self, database: Database, sealing: AuthorizationSealing, revocation: UpstreamTokenRevocation
    ) -> None:
        self._database = database
        self._sealing = sealing
        self._revocation = revocation
        # Not in the cleanup of processes without an upstream, which have no key to open them.
        self._task = CleanupTask(database, {}, {"abandoned_logins": self.end})

    async def run(self) -> None:
        """Poll for them every ten seconds, while the process serves."""
        await self._task.run()

    async def end(self, *, count: int) -> int:
        """End up to `count`, and no more than BATCH_SIZE; return how many."""

        def work(connection: sa.Connection) -> int:
            abandoned = repository.take_abandoned(
                connection, key_ids=self._sealing.key_ids, count=min(count, BATCH_SIZE)
            )
            for one in abandoned:
                try:
                    login = self._sealing.open_login(one.id, one.provider, one.login)
                except DamagedValueError:
                    log.error("upstream.abandoned_login_unreadable", provider=one.provider)  # noqa: TRY400 - the event says it
                else:
                    self._revocation.revoke_in(connection, one.provider, login)
            return len(abandoned)

        ended = await self._database.write(work)
        if ended:
            self._revocation.wake()
        return ended
