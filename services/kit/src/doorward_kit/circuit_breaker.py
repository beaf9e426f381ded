"""Whether another server is worth asking: while it is away, nobody waits to find out."""

import time
from typing import Final

from doorward_kit.retries import jittered

LONGEST_PAUSE_SECONDS: Final = 30.0
_FIRST_PAUSE_SECONDS: Final = 1.0


class Breaker:
    """Pauses all asking after a failure that was the server's, longer each time up to half a minute.

    Each caller would find out for itself otherwise: a mail be charged with an attempt, and wait an
    hour in the end for a server that has been back for long. After a pause one goes ahead.
    """

    def __init__(self) -> None:
        self._failures = 0
        self._resume_at = 0.0

    def trip(self) -> float:
        """Note that the server was away; return the seconds until it is asked again."""
        now = time.monotonic()
        if now >= self._resume_at:  # several that find it away at once are one failure
            longest = min(LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2**self._failures)
            self._failures = min(self._failures + 1, 16)
            self._resume_at = now + jittered(longest)
        return self._resume_at - now

    def mend(self) -> None:
        """Note that the server answers."""
        self._failures = 0
        self._resume_at = 0.0

    def slots(self, count: int) -> int:
        """Return how many of `count` may ask at once."""
        if not self._failures:
            return count
        return 0 if self.pause() else 1

    def pause(self) -> float:
        """Return the seconds that are left of a pause."""
        return max(0.0, self._resume_at - time.monotonic())
