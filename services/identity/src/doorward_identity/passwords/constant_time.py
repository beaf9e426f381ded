"""Equal times for failed password checks, whatever hash the password was checked against.

Checking an imported hash takes longer than checking one of ours, or the dummy of an unknown account. So that
the time does not tell which accounts exist, each failure waits until it took as long as the slowest check
of an imported hash within the last hour. Without imported hashes there is no wait.

Not covered: the first failure of a process, before it has checked an imported hash, and what load adds to a
check but not to a wait. A right password is not delayed.
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
    """Stores how long checks of imported hashes took; used from one event loop."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._checks: deque[tuple[float, float]] = deque(maxlen=_CHECKS_REMEMBERED)

    async def wait(self, spent: float) -> None:
        """Wait for what the slowest check took beyond `spent` seconds; 0 for a hash of ours."""
        await asyncio.sleep(self._remaining_delay(spent))

    def _remaining_delay(self, spent: float) -> float:
        now = self._clock()
        while self._checks and self._checks[0][0] < now - _MEMORY_SECONDS:
            self._checks.popleft()
        if spent:
            self._checks.append((now, min(spent, _LONGEST_WAIT)))
        longest = max((seconds for _, seconds in self._checks), default=0.0)
        return max(0.0, longest - spent)
