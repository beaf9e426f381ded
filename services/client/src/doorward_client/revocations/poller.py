"""Keeping the list up to date."""

import asyncio
import math
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import structlog

from doorward_client.revocations.models import Changes, Exchange, Source
from doorward_client.revocations.revocation_list import RevocationList
from doorward_kit.metrics import Metrics

log = structlog.get_logger(__name__)

SWEEP_SECONDS: Final = 10.0

Listener = Callable[[Changes], None]


class RevocationPoller:
    """Keeps a list up to date from its source, for as long as the service runs.

    What a look brings that nobody has told yet is told to the others through `exchange`, where there is
    one. A `listener` is told what each look added, with the cursor up to which the list is then complete,
    and without a cursor what another process said in between.
    """

    def __init__(
        self,
        revocations: RevocationList,
        source: Source,
        metrics: Metrics,
        *,
        interval: float,
        full_interval: float = 60.0,
    ) -> None:
        self.revocations = revocations
        self.exchange: Exchange | None = None
        self.listener: Listener | None = None
        self._source = source
        self._interval = interval
        self._full_every = full_interval
        self._cursor: str | None = None
        self._full_at = float("-inf")
        self._swept_at = time.monotonic()
        self._telling: set[asyncio.Task[None]] = set()
        self._woken = asyncio.Event()
        metrics.revocations_age.set_function(lambda: math.inf if (age := revocations.age()) is None else age)
        metrics.revocations.set_function(revocations.__len__)

    async def run(self) -> None:
        """Look at the source again and again; a failed look only lets the list age."""
        try:
            await self._look_for_ever()
        finally:
            await self._source.close()

    async def _look_for_ever(self) -> None:
        while True:
            try:
                await self.update()
            except Exception as error:  # noqa: BLE001 - whatever it was, the next look may succeed
                log.warning("revocations.stale", age=self.revocations.age(), error=repr(error))
            with suppress(TimeoutError):
                async with asyncio.timeout(self._interval):
                    await self._woken.wait()
            self._woken.clear()

    def wake(self) -> None:
        """Look now: this very process has just revoked something."""
        self._woken.set()

    def hear(self, changes: Changes) -> None:
        """Believe what another process says that it revoked."""
        news = self.revocations.add(changes)
        if news and self.listener is not None:
            self.listener(Changes(news.sessions, news.users))

    async def update(self) -> None:
        """Look once."""
        now = time.monotonic()
        if now - self._full_at > self._full_every:
            # From time to time everything, so that nothing missed stays missed.
            self._cursor = None
        changes = await self._source.changes(self._cursor)
        # No await from here to the listener: what is heard of comes before the end of this look or after.
        if self._cursor is None:
            self._full_at = now
        self._cursor = changes.cursor
        is_first = self.revocations.age() is None
        news = self.revocations.apply(changes)
        if self.listener is not None:
            self.listener(news)
        if news and not is_first and self.exchange is not None:
            # Whoever sees it first tells it, and not only who revoked it: that one's look may have been
            # under way already. Who has heard of it has no news to tell.
            # Beside the looks: an exchange that hangs must not hold them up.
            telling = asyncio.create_task(self.exchange.publish(news))
            self._telling.add(telling)
            telling.add_done_callback(self._telling.discard)
        if now - self._swept_at > SWEEP_SECONDS:
            self.revocations.sweep()
            self._swept_at = now
