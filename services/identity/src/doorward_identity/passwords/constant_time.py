"""Refusals that take the same time, whatever the password was checked against.

Checking a hash that was brought from elsewhere takes longer than checking one of ours, or the dummy that
stands for an unknown account. So that the time of a refusal does not tell which accounts are there, each
one is as late as the slowest such check of the last hour, by waiting, which costs nothing but the guesser's
time. Where there are no such hashes, nobody waits.

What remains: the first refusal of a process, before it has seen such a hash, and what load adds to a check
but not to a wait. A right password is not delayed; who has it knows that the account is there.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Final

_MEMORY_SECONDS: Final = 3600.0
_CHECKS_REMEMBERED: Final = 256
_LONGEST_WAIT: Final = 2.0


class FailureTimingEqualizer:
    """Knows how long foreign hashes have taken lately; used from one event loop."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._checks: deque[tuple[float, float]] = deque(maxlen=_CHECKS_REMEMBERED)

    async def wait(self, spent: float) -> None:
        """Wait for what a foreign hash would have taken longer than `spent` seconds on one; 0: on none."""
        await asyncio.sleep(self._missing(spent))

    def _missing(self, spent: float) -> float:
        now = self._clock()
        while self._checks and self._checks[0][0] < now - _MEMORY_SECONDS:
            self._checks.popleft()
        if spent:
            self._checks.append((now, min(spent, _LONGEST_WAIT)))
        longest = max((seconds for _, seconds in self._checks), default=0.0)
        return max(0.0, longest - spent)
