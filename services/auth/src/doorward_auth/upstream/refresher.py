"""Refreshes grants in the background of every replica, before their access tokens expire.

Any number of replicas share the table, as the workers of mail share an outbox. A refresh holds no database
connection while its request is under way.
"""

import asyncio
import uuid
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Final

import structlog

from doorward_auth.upstream.grants import leases, repository
from doorward_auth.upstream.grants.attempt import AttemptResult, RefreshAttempts
from doorward_auth.upstream.grants.database import GrantDatabase
from doorward_auth.upstream.grants.metrics import UpstreamMetrics
from doorward_auth.upstream.grants.models import LeasedGrant
from doorward_auth.upstream.grants.provider import Provider, Providers
from doorward_client.errors import UnavailableError
from doorward_kit.retries import jittered
from doorward_kit.shutdown import Shutdown

log = structlog.get_logger(__name__)

POLL_SECONDS: Final = 5.0
MEASURE_SECONDS: Final = 30.0

_STORE_SECONDS: Final = 3.0
_ERROR_PAUSE_SECONDS: Final = 5.0
_ENDED_COUNT: Final = 500


class GrantRefresher:
    """One loop for each provider, so that a slow or unavailable provider delays no other."""

    def __init__(
        self,
        database: GrantDatabase,
        attempts: RefreshAttempts,
        providers: Providers,
        metrics: UpstreamMetrics,
        *,
        shutdown: Shutdown,
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        self._database = database
        self._metrics = metrics
        self._loops = [
            _ProviderLoop(database, attempts, provider, shutdown, poll_seconds)
            for provider in providers.all()
        ]
        self._poll_seconds = poll_seconds

    async def run(self) -> None:
        """Refresh while the process serves; when it stops, finish what was sent."""
        # With `return_exceptions` a cancelled gather waits for all of them. Otherwise the first that ends
        # would have the others cancelled again, while they finish.
        await asyncio.gather(self._watch(), *(loop.run() for loop in self._loops), return_exceptions=True)

    async def _watch(self) -> None:
        """Find grants whose session has ended, and measure."""
        rounds = 0
        every = max(1, round(MEASURE_SECONDS / self._poll_seconds))
        while True:
            try:
                make_due = partial(repository.make_ended_due, count=_ENDED_COUNT)
                if await self._database.write(make_due):
                    for loop in self._loops:
                        loop.wake()
                if rounds % every == 0:
                    await self._measure()
            except Exception as error:  # noqa: BLE001 - whatever failed may succeed the next time
                log.warning("upstream.watch_failed", error=type(error).__name__)
            rounds += 1
            await asyncio.sleep(jittered(self._poll_seconds, 0.8, 1.2))

    async def _measure(self) -> None:
        for loop in self._loops:
            name = loop.provider.name
            backlog = await self._database.read(partial(repository.measure, provider=name))
            self._metrics.set_backlog(name, backlog)


class _ProviderLoop:
    """Leases the due grants of a provider, a few at once, and refreshes them."""

    def __init__(
        self,
        database: GrantDatabase,
        attempts: RefreshAttempts,
        provider: Provider,
        shutdown: Shutdown,
        poll_seconds: float,
    ) -> None:
        self.provider: Final = provider
        self._database = database
        self._attempts = attempts
        self._shutdown = shutdown
        self._poll_seconds = poll_seconds
        self._running: set[asyncio.Task[AttemptResult]] = set()
        self._woken = asyncio.Event()
        self._has_more = False  # the last lease was for as many grants as it asked for

    def wake(self) -> None:
        """Poll for due grants now."""
        self._woken.set()

    async def run(self) -> None:
        try:
            while True:
                try:
                    await self._poll()
                except Exception as error:  # noqa: BLE001 - whatever failed may succeed the next time
                    log.warning("upstream.refresher_failed", error=type(error).__name__)
                    await asyncio.sleep(_ERROR_PAUSE_SECONDS)
                await self._wait()
        finally:
            await self._drain()

    async def _poll(self) -> None:
        if not self._lease_count():
            return
        if not self._has_more and not await self._database.read(
            partial(leases.is_any_due, provider=self.provider.name)
        ):
            return
        leased_at = asyncio.get_running_loop().time()
        count = self._lease_count()  # others may have sent requests meanwhile
        if not count:
            return
        with self.provider.gate.expecting(count):
            found = await self._lease(count)
        self._has_more = found.has_more
        self._start(found.leased, leased_at)

    async def _lease(self, count: int) -> leases.DueGrants:
        lease = partial(
            leases.lease_due,
            provider=self.provider.name,
            policy=self.provider.policy,
            count=count,
            lease_id=uuid.uuid4(),
        )
        leasing = asyncio.create_task(self._database.write(lease))
        try:
            return await asyncio.shield(leasing)
        except asyncio.CancelledError:
            # The database commits the lease anyway, so these grants must be released.
            with suppress(UnavailableError):
                for leased in (await leasing).leased:
                    await self._attempts.release(leased)
            raise

    def _lease_count(self) -> int:
        """Return how many grants to lease: half of the seats at least, so that a lease is for several."""
        seats = self.provider.policy.concurrency - len(self._running)
        if self._shutdown.is_draining:
            return 0
        if self._running and seats < self.provider.policy.concurrency / 2:
            return 0
        return self.provider.gate.permits(seats)

    def _start(self, found: Sequence[LeasedGrant], leased_at: float) -> None:
        for leased in found:
            task = asyncio.create_task(self._attempts.run(self.provider, leased, leased_at=leased_at))
            self._running.add(task)
            task.add_done_callback(self._on_done)

    def _on_done(self, task: asyncio.Task[AttemptResult]) -> None:
        self._running.discard(task)
        if self._has_more or not self._running:
            self._woken.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("upstream.refresh_crashed", provider=self.provider.name, error=type(error).__name__)

    async def _wait(self) -> None:
        """Wait for the next poll, for room, for the end of the provider's pause, or for `wake`."""
        pause = self.provider.gate.remaining_pause()
        seconds = pause or jittered(self._poll_seconds, 0.8, 1.2)
        if self._has_more and not pause and self._lease_count():
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        self._woken.clear()

    async def _drain(self) -> None:
        if not self._running:
            return
        seconds = self.provider.policy.deadline_seconds + _STORE_SECONDS
        _, late = await asyncio.wait(self._running, timeout=seconds)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
