"""Keeps a revocation list up to date."""

import asyncio
import math
from contextlib import suppress
from typing import Final

import structlog

from doorward_client.metrics import VerificationMetrics
from doorward_client.revocations.models import RevocationEntries, RevocationPublisher, RevocationSource
from doorward_client.revocations.revocation_list import RevocationList

log = structlog.get_logger(__name__)

MAX_FIRST_RETRY_SECONDS: Final = 1.0
"""Longest interval before the first list: until then every token is answered with 503."""


class RevocationPoller:
    """Polls a source every `interval` seconds.

    New entries are published, if there is a publisher, by every process that finds them first. The process
    that revoked may be in the middle of a poll and miss its own write.
    """

    def __init__(
        self,
        revocations: RevocationList,
        source: RevocationSource,
        metrics: VerificationMetrics,
        *,
        interval: float,
    ) -> None:
        self.revocations = revocations
        self.publisher: RevocationPublisher | None = None
        self._source = source
        self._interval = interval
        self._publishing: set[asyncio.Task[None]] = set()
        self._woken = asyncio.Event()
        metrics.observe_revocations(
            revocations.__len__, lambda: math.inf if (age := revocations.age()) is None else age
        )

    async def run(self) -> None:
        """Poll until cancelled; a failed poll only lets the list age."""
        try:
            while True:
                try:
                    await self.update()
                except Exception as error:  # noqa: BLE001 - whatever the error, the next poll may succeed
                    log.warning("revocations.fetch_failed", age=self.revocations.age(), error=repr(error))
                await self._wait()
        finally:
            await self._source.close()

    def wake(self) -> None:
        """Poll now, because this process has revoked tokens."""
        self._woken.set()

    def apply_remote(self, entries: RevocationEntries) -> None:
        """Add entries that another process published."""
        self.revocations.add(entries)

    async def update(self) -> None:
        """Poll once."""
        fetched = await self._source.fetch()
        is_first = self.revocations.age() is None
        new_entries = self.revocations.apply(fetched)
        if new_entries and not is_first and self.publisher is not None:
            # A task, because a publisher that hangs must not delay the next poll.
            task = asyncio.create_task(self.publisher.publish(new_entries))
            self._publishing.add(task)
            task.add_done_callback(self._publishing.discard)

    async def _wait(self) -> None:
        is_first = self.revocations.age() is None
        seconds = min(self._interval, MAX_FIRST_RETRY_SECONDS) if is_first else self._interval
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        self._woken.clear()
