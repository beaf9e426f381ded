"""Rejected requests that cost a client nothing are answered after a short wait (`note_rejection`).

A client that sends its next request as soon as it has an answer would otherwise keep the event loop busy with
rejections, and the threads that hash passwords yield to it. Such a client may have an account and a known
device, so every rejected caller waits: `Retry-After` tells each of them to wait at least a second.
"""

import asyncio
from typing import Final

from doorward_kit.metrics import RejectionMetrics

REJECTIONS_PER_SECOND: Final = 100
"""How fast waiting rejections leave: each may be followed by another request of the same caller."""

MOST_WAITING: Final = 400
"""Rejections that wait at the same time, with some kilobytes each; further ones are answered at once.

The last of them waits for five seconds. Each also occupies a connection of the proxies in front while its
client waits: HAProxy has 1,000 for each node.
"""


class RejectionDelay:
    """Lets rejections wait `seconds`, and longer while many wait; with 0 all are answered at once.

    A process has one for all of its services. A wait holds neither a thread nor a database connection.
    There is no limit for each source: past it, the busiest source would be answered at once.
    """

    def __init__(self, seconds: float, metrics: RejectionMetrics) -> None:
        self._seconds = seconds
        self._metrics = metrics
        self._waiting: set[asyncio.Future[None]] = set()
        metrics.waiting.set_function(lambda: len(self._waiting))
        self._last_leaves_at = 0.0
        self._has_ended = False

    async def wait(self) -> float:
        """Wait until the rejection may be answered; return the seconds. No two leave at the same moment."""
        if not self._seconds or self._has_ended:
            return 0.0
        if len(self._waiting) >= MOST_WAITING:
            self._metrics.undelayed.inc()
            return 0.0
        loop = asyncio.get_running_loop()
        began = loop.time()
        # Those that were cancelled keep no turn.
        next_turn = min(
            self._last_leaves_at + 1 / REJECTIONS_PER_SECOND,
            began + self._seconds + len(self._waiting) / REJECTIONS_PER_SECOND,
        )
        self._last_leaves_at = max(began + self._seconds, next_turn)
        leaves: asyncio.Future[None] = loop.create_future()
        timer = loop.call_at(self._last_leaves_at, _resolve, leaves)
        self._waiting.add(leaves)
        try:
            await leaves
        finally:
            timer.cancel()
            self._waiting.discard(leaves)
        return loop.time() - began

    def end(self) -> None:
        """Answer all rejections at once from now on, because the process will stop."""
        self._has_ended = True
        for leaves in self._waiting:
            _resolve(leaves)


def _resolve(leaves: asyncio.Future[None]) -> None:
    if not leaves.done():
        leaves.set_result(None)
