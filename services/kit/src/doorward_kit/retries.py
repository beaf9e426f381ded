"""Waits between retries: jitter, a circuit breaker for a server, and repeating while it is unavailable."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from doorward_client.errors import UnavailableError

T = TypeVar("T")

LONGEST_PAUSE_SECONDS: Final = 30.0
_FIRST_PAUSE_SECONDS: Final = 1.0
_MAX_DOUBLINGS: Final = 16

# A generator of its own: an application that seeds the shared one would give every replica the same waits.
_random: Final = random.Random()  # noqa: S311 - no secret


def jittered(seconds: float, least: float = 0.5, most: float = 1.0) -> float:
    """Return a random time between `least` and `most` times `seconds`, so that replicas spread out."""
    return seconds * _random.uniform(least, most)


class CircuitBreaker:
    """Pauses all requests after a failure of the server, longer each time up to half a minute.

    Without it each mail would spend its own retries on an outage. After the pause one trial request is
    allowed.
    """

    def __init__(self) -> None:
        self._failures = 0
        self._resume_at = 0.0

    def record_failure(self) -> float:
        """Open the circuit; return the seconds until the next trial request."""
        now = time.monotonic()
        if now >= self._resume_at:  # requests that fail together are one failure
            longest = min(LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2**self._failures)
            self._failures = min(self._failures + 1, _MAX_DOUBLINGS)
            self._resume_at = now + jittered(longest)
        return self._resume_at - now

    def record_success(self) -> None:
        """Close the circuit."""
        self._failures = 0
        self._resume_at = 0.0

    def permits(self, count: int) -> int:
        """Return how many of `count` concurrent requests are allowed now: all, one on trial, or none."""
        if not self._failures:
            return count
        return 0 if self.remaining_pause() else 1

    def remaining_pause(self) -> float:
        """Return the seconds until the next trial request, 0 where it is allowed now."""
        return max(0.0, self._resume_at - time.monotonic())


async def until_available(
    attempt: Callable[[], Awaitable[T]], *, until: float, pause_seconds: float = 1.0
) -> T | None:
    """Await `attempt` again while it raises UnavailableError; return its result.

    None if it still does at the event loop's time `until`. It is tried once in any case.
    """
    loop = asyncio.get_running_loop()
    while True:
        try:
            return await attempt()
        except UnavailableError:
            if loop.time() + pause_seconds >= until:
                return None
        await asyncio.sleep(pause_seconds)
