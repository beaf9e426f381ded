"""Logins at an upstream's own pages that their clients never finished: their tokens are revoked there."""

import asyncio
from functools import partial
from typing import Final

from doorward_auth.upstream.grants.provider import Providers
from doorward_auth.upstream.redirects import repository
from doorward_auth.upstream.redirects.repository import AbandonedLogin
from doorward_auth.upstream.redirects.sealing import AuthorizationSealing
from doorward_auth.upstream.token_revocation import UpstreamTokenRevocation
from doorward_kit.cleanup import CleanupTask
from doorward_kit.unit_of_work import Database

_AT_ONCE: Final = 10
"""Few, so that the logins of others find room at the upstream."""


class AbandonedLogins:
    """Deletes logins whose one-time code has expired, and revokes their tokens."""

    def __init__(
        self,
        database: Database,
        providers: Providers,
        sealing: AuthorizationSealing,
        revocation: UpstreamTokenRevocation,
    ) -> None:
        self._database = database
        self._providers = providers
        self._sealing = sealing
        self._revocation = revocation
        # Not in the cleanup of the database, which would wait for upstreams.
        self._task = CleanupTask(database, {}, {"abandoned_logins": self.end})

    async def run(self) -> None:
        """Poll for them every ten seconds, while the process serves."""
        await self._task.run()

    async def end(self, *, count: int) -> int:
        """End up to `count`, and no more than may wait for an upstream at once; return how many."""
        take = partial(repository.take_abandoned, count=min(count, _AT_ONCE))
        abandoned = await self._database.write(take)
        await asyncio.gather(*(self._revoke(one) for one in abandoned))
        return len(abandoned)

    async def _revoke(self, abandoned: AbandonedLogin) -> None:
        provider = self._providers.find(abandoned.provider)
        login = self._sealing.open_login(abandoned.id, abandoned.provider, abandoned.login)
        if provider is not None and login is not None:
            await self._revocation.revoke(provider, login)
