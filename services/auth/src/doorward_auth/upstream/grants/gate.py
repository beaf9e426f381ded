"""How many requests a provider gets from this process now: a circuit breaker, a token bucket, a pause."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from doorward_kit.retries import CircuitBreaker

MAX_CONCURRENT: Final = 36
"""Requests to one provider by default: those of the background, and of 32 callers who wait for theirs."""

LONGEST_PAUSE_SECONDS: Final = 60.0
"""A provider may mean one user with its 429; the others wait no longer than this."""


class TokenBucket:
    """Allows `rate` requests a second on average, and as many at once after a second without any."""

    def __init__(self, rate: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._most = max(1.0, rate)
        self._clock = clock
        self._tokens = self._most
        self._filled_at = clock()

    def available(self) -> int:
        """Return how many requests are allowed now."""
        now = self._clock()
        self._tokens = min(self._most, self._tokens + (now - self._filled_at) * self._rate)
        self._filled_at = now
        return int(self._tokens)

    def take(self) -> None:
        """Count a request."""
        self.available()
        self._tokens -= 1

    def wait(self) -> float:
        """Return the seconds until a request is allowed."""
        return 0.0 if self.available() else (1.0 - self._tokens) / self._rate


class ProviderGate:
    """Whether a request may be sent to a provider. Refreshes have one gate, requests of callers another.

    The gate is the only limit of requests at once: the HTTP client opens a connection for each of them. So
    none waits for a connection that another kind of request holds.
    """

    def __init__(
        self,
        requests_per_second: float,
        *,
        max_concurrent: int = MAX_CONCURRENT,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._max_concurrent = max_concurrent
        self._breaker = CircuitBreaker()
        self._bucket = TokenBucket(requests_per_second, clock=clock)
        self._clock = clock
        self._resume_at = 0.0
        self._expected = 0
        self._in_flight = 0

    def permits(self, count: int) -> int:
        """Return how many of `count` further requests are allowed now."""
        if self._clock() < self._resume_at:
            return 0
        room = self._breaker.permits(self._max_concurrent) - self._in_flight
        return max(0, min(count, min(room, self._bucket.available()) - self._expected))

    def remaining_pause(self) -> float:
        """Return the seconds until a request may be allowed, 0 where it is only a matter of room."""
        return max(self._breaker.remaining_pause(), self._resume_at - self._clock(), self._bucket.wait())

    @contextmanager
    def expecting(self, count: int = 1) -> Iterator[None]:
        """Keep room for permitted requests while the block leases their grants.

        Leasing waits for the database. Without this, all callers of that moment would see the same room.
        """
        self._expected += count
        try:
            yield
        finally:
            self._expected -= count

    @contextmanager
    def request(self) -> Iterator[None]:
        """Count a request while the block sends it."""
        self._bucket.take()
        self._in_flight += 1
        try:
            yield
        finally:
            self._in_flight -= 1

    def record_answer(self) -> None:
        """Note that the provider works, whatever it answered about one grant."""
        self._breaker.record_success()

    def record_failure(self) -> float:
        """Note that the provider does not work; return the seconds until the next trial request."""
        return self._breaker.record_failure()

    def pause(self, seconds: float) -> None:
        """Send nothing for as long as the provider asks, up to a minute."""
        self._resume_at = max(self._resume_at, self._clock() + min(seconds, LONGEST_PAUSE_SECONDS))
