"""The progress of a long command on standard error: a bar on a terminal, a line now and then elsewhere."""

import time
from collections.abc import Callable
from typing import Final, TextIO

BAR_SECONDS: Final = 0.2
LINE_SECONDS: Final = 10.0

_WIDTH: Final = 30


class Progress:
    """Says how much of a work is done. `update` is cheap enough to be called often.

    `total` is in any unit, 0 if it is unknown.
    """

    def __init__(
        self, what: str, total: int, stream: TextIO, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._what = what
        self._total = total
        self._stream = stream
        self._clock = clock
        self._is_terminal = stream.isatty()
        self._interval = BAR_SECONDS if self._is_terminal else LINE_SECONDS
        self._started = self._said = clock()

    def update(self, done: int, users: int) -> None:
        """Tell how much of the total is done, and the users so far, if the last time was long enough ago."""
        now = self._clock()
        if now - self._said >= self._interval:
            self._said = now
            self._report(done, users, now)

    def finish(self, users: int) -> None:
        """Complete the bar, so that other output starts on a new line."""
        if self._is_terminal:
            self._report(self._total, users, self._clock())
            self._stream.write("\n")
            self._stream.flush()

    def _report(self, done: int, users: int, now: float) -> None:
        seconds = max(now - self._started, 0.001)
        rate = f"{users:,} users, {users / seconds:,.0f}/s"
        share = min(done / self._total, 1.0) if self._total else 0.0
        left = f", {_clock_time(seconds / share - seconds)} left" if 0 < share < 1 else ""
        if self._is_terminal:
            bar = ("#" * round(_WIDTH * share)).ljust(_WIDTH)
            # \x1b[K erases what a longer text before left over.
            self._stream.write(f"\r{self._what} [{bar}] {share:4.0%} {rate}{left}\x1b[K")
        else:
            self._stream.write(f"doorward: {self._what}: {share:.0%}, {rate}{left}\n")
        self._stream.flush()


def _clock_time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
