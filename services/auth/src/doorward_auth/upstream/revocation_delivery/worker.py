"""Revokes tokens at upstreams in the background of every replica, which share the outbox."""

import asyncio
from contextlib import suppress
from functools import partial
from typing import Final

import structlog

from doorward_auth.upstream.grants.database import GrantDatabase
from doorward_auth.upstream.grants.metrics import RevocationOutcome, UpstreamMetrics
from doorward_auth.upstream.grants.provider import Provider, Providers
from doorward_auth.upstream.revocation_delivery.delivery import RevocationDelivery
from doorward_auth.upstream.revocations import repository
from doorward_auth.upstream.revocations.outbox import RevocationOutbox
from doorward_kit.retries import jittered
from doorward_kit.shutdown import Shutdown

log = structlog.get_logger(__name__)

POLL_SECONDS: Final = 5.0
MEASURE_SECONDS: Final = 30.0

_STORE_SECONDS: Final = 3.0


class RevocationWorker:
    """One loop for each provider, so that a slow or unavailable provider delays no other."""

    def __init__(
        self,
        database: GrantDatabase,
        outbox: RevocationOutbox,
        delivery: RevocationDelivery,
        providers: Providers,
        metrics: UpstreamMetrics,
        shutdown: Shutdown,
    ) -> None:
        self._database = database
        self._delivery = delivery
        self._providers = providers
        self._metrics = metrics
        self._loops = [
            _RevocationLoop(delivery, provider, outbox.subscribe(), shutdown) for provider in providers.all()
        ]

    async def run(self) -> None:
        """Deliver while the process serves; when it stops, finish what was leased."""
        # As in GrantRefresher.run.
        loops = (loop.run() for loop in self._loops)
        await asyncio.gather(self._measure(), *loops, return_exceptions=True)

    async def deliver_due(self) -> None:
        """Deliver what is due and allowed now; raises as Database.write does."""
        for provider in self._providers.all():
            while await self._delivery.deliver_batch(provider):
                pass

    async def give_up(self, *, count: int) -> int:
        """Delete up to `count` rows that were not delivered in time; return how many.

        It runs with the cleanup, so it deletes those of an upstream that was removed from the settings, too.
        """
        rows = await self._database.write(partial(repository.delete_expired, count=count))
        for row in rows:
            self._metrics.revocation_concluded(row.provider, RevocationOutcome.GIVEN_UP)
            log.error(
                "upstream.revocation_given_up",
                revocation=str(row.id),
                provider=row.provider,
                attempts=row.attempts,
                reason="expired",
            )
        return len(rows)

    async def _measure(self) -> None:
        while True:
            try:
                for name in self._providers.names():
                    count = partial(repository.count_pending, provider=name)
                    self._metrics.set_pending_revocations(name, await self._database.read(count))
            except Exception as error:  # noqa: BLE001 - whatever failed may succeed the next time
                log.warning("upstream.watch_failed", error=type(error).__name__)
            await asyncio.sleep(jittered(MEASURE_SECONDS, 0.8, 1.2))


class _RevocationLoop:
    """Delivers when it is woken, and with each poll what other processes have stored or left."""

    def __init__(
        self, delivery: RevocationDelivery, provider: Provider, woken: asyncio.Event, shutdown: Shutdown
    ) -> None:
        self._delivery = delivery
        self._provider = provider
        self._woken = woken
        self._shutdown = shutdown

    async def run(self) -> None:
        while True:
            self._woken.clear()
            try:
                while not self._shutdown.is_draining and await self._deliver_batch():
                    pass
            except Exception as error:  # noqa: BLE001 - whatever failed may succeed the next time
                log.warning("upstream.revocations_failed", error=type(error).__name__)
                await asyncio.sleep(jittered(POLL_SECONDS))
            pause = self._delivery.remaining_pause(self._provider)
            with suppress(TimeoutError):
                async with asyncio.timeout(pause or jittered(POLL_SECONDS, 0.8, 1.2)):
                    await self._woken.wait()

    async def _deliver_batch(self) -> bool:
        """When the process stops meanwhile, finish the batch: its rows are leased."""
        batch = asyncio.create_task(self._delivery.deliver_batch(self._provider))
        try:
            return await asyncio.shield(batch)
        except asyncio.CancelledError:
            seconds = self._provider.policy.deadline_seconds + _STORE_SECONDS
            _, late = await asyncio.wait({batch}, timeout=seconds)
            for task in late:
                task.cancel()
            await asyncio.gather(batch, return_exceptions=True)
            raise
