"""Users whose pictures are to be updated: bounded, a few at once, and one at a time for each user."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from typing import Final

import httpx2
import structlog

from doorward_auth.upstream.pictures.metrics import PictureMetrics, PictureOutcome

log = structlog.get_logger(__name__)

MAX_CONCURRENT: Final = 2
"""Requests at once of one process to the hosts of one provider."""

MAX_WAITING: Final = 500
"""Past it pictures wait for the next login of their users. The URL of each has 2,048 bytes at most."""

Update = Callable[[uuid.UUID, httpx2.URL], Awaitable[PictureOutcome]]


class PictureQueue:
    """Runs `update` for users of one provider. It is lost with the process, and filled again by logins."""

    def __init__(self, provider: str, update: Update, metrics: PictureMetrics) -> None:
        self._provider = provider
        self._update = update
        self._metrics = metrics
        self._waiting: dict[uuid.UUID, httpx2.URL] = {}
        self._running: set[uuid.UUID] = set()
        self._woken = asyncio.Event()

    def add(self, user_id: uuid.UUID, url: httpx2.URL) -> None:
        """Queue an update, in place of one of the same user that waits; drops it if too many wait."""
        if len(self._waiting) >= MAX_WAITING and user_id not in self._waiting:
            self._metrics.concluded(self._provider, PictureOutcome.DROPPED)
            return
        self._waiting[user_id] = url
        self._woken.set()

    async def run(self) -> None:
        """Update pictures until cancelled. What runs then is tried again at the next login."""
        async with asyncio.TaskGroup() as workers:
            for _ in range(MAX_CONCURRENT):
                workers.create_task(self._work())

    async def _work(self) -> None:
        while True:
            user_id = next((one for one in self._waiting if one not in self._running), None)
            if user_id is None:
                self._woken.clear()
                await self._woken.wait()
                continue
            self._running.add(user_id)
            try:
                outcome = await self._update(user_id, self._waiting.pop(user_id))
            except Exception as error:  # noqa: BLE001 - the next ones may succeed
                log.warning("upstream.picture_failed", provider=self._provider, error=type(error).__name__)
                outcome = PictureOutcome.NOT_STORED
            finally:
                self._running.discard(user_id)
                self._woken.set()
            self._metrics.concluded(self._provider, outcome)
