"""Counting in Redis or Valkey, where one is configured: failures then cost the database nothing.

What is lost with it is the memory of who has failed, so whoever was slowed down is so anew from the first
free attempt; what must not be forgotten is counted in the database (see limits.KEPT).
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

import redis
import structlog
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from doorward_auth.rate_limiting.backends import BackendUnavailableError
from doorward_auth.rate_limiting.limits import Subject
from doorward_auth.rate_limiting.metrics import RateLimitMetrics
from doorward_kit.executors import BoundedExecutor, OverloadedError
from doorward_kit.metrics import Metrics

T = TypeVar("T")

log = structlog.get_logger(__name__)

PREFIX: Final = b"doorward:throttle:"
TIMEOUT_SECONDS: Final = 0.05
POLL_INTERVAL_SECONDS: Final = 1.0

_THREADS: Final = 4
_QUEUE_SECONDS: Final = 2.0

# What `rules` says, in one step for all the keys, by the clock of Redis. ARGV: 1 to count or 0, then
# of each key: free, memory, first wait, longest wait (0: a budget). All times are in milliseconds.
# A key is forgotten when it expires.
_CLAIM: Final = """
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local waits, counts, blocked = {}, {}, false
for i, key in ipairs(KEYS) do
  local found = redis.call('HMGET', key, 'count', 'until')
  counts[i] = tonumber(found[1] or 0)
  waits[i] = math.max(0, tonumber(found[2] or 0) - now)
  blocked = blocked or waits[i] > 0
end
if blocked or ARGV[1] == '0' then return waits end
for i, key in ipairs(KEYS) do
  local free, memory = tonumber(ARGV[4 * i - 2]), tonumber(ARGV[4 * i - 1])
  local first, longest = tonumber(ARGV[4 * i]), tonumber(ARGV[4 * i + 1])
  local count, wait = counts[i] + 1, 0
  redis.call('HSET', key, 'count', count)
  if longest > 0 or count == 1 then redis.call('PEXPIRE', key, memory) end
  if longest == 0 and count >= free then wait = redis.call('PTTL', key) end
  if longest > 0 and count > free then wait = math.min(first * 2 ^ (count - free - 1), longest) end
  redis.call('HSET', key, 'until', wait > 0 and string.format('%d', now + wait) or '0')
end
return waits
"""


class RedisBackend:
    """Asks one server, and nobody while it is away.

    It is asked on threads, because a wait for a socket is then the server's time alone: on the event loop
    a burst of requests is enough to make a healthy server look late.
    """

    def __init__(self, url: str, metrics: Metrics, own_metrics: RateLimitMetrics) -> None:
        self._redis = redis.Redis.from_url(
            url,
            socket_timeout=TIMEOUT_SECONDS,
            socket_connect_timeout=TIMEOUT_SECONDS,
            # Whoever waits for an answer has the database to ask.
            retry=Retry(NoBackoff(), 0),
        )
        self._claim = self._redis.register_script(_CLAIM)
        self._executor = BoundedExecutor(
            "redis",
            threads=_THREADS,
            deadline=_QUEUE_SECONDS,
            expected_seconds=0.001,
            metrics=metrics.executor("redis"),
        )
        self._is_there = False
        self._was_lost = asyncio.Event()
        self._connected = own_metrics.redis_connected()

    async def waits(self, subjects: Sequence[Subject]) -> Sequence[float]:
        """Read them; raises BackendUnavailableError."""
        return await self.claim(subjects, counts=False)

    async def counts(self, subjects: Sequence[Subject]) -> Sequence[int]:
        """Read them; raises BackendUnavailableError."""

        def read() -> list[Any]:
            with self._redis.pipeline(transaction=False) as pipeline:
                for subject in subjects:
                    pipeline.hget(_key(subject), "count")
                return list(pipeline.execute())

        return [int(count or 0) for count in await self._ask(read)]

    async def claim(self, subjects: Sequence[Subject], *, counts: bool) -> Sequence[float]:
        """Claim with one script; raises BackendUnavailableError."""
        keys = [_key(subject) for subject in subjects]
        terms = [number for subject in subjects for number in _in_milliseconds(subject)]
        waits: list[int] = await self._ask(lambda: self._claim(keys=keys, args=[int(counts), *terms]))
        return [milliseconds / 1000 for milliseconds in waits]

    async def run(self) -> None:
        """Look for the server while it is away, for as long as the process serves."""
        try:
            while True:
                if await self._is_back():
                    self._found()
                    await self._was_lost.wait()
                else:
                    await asyncio.sleep(POLL_INTERVAL_SECONDS)
        finally:
            self._executor.shutdown()
            self._redis.close()

    async def _ask(self, question: Callable[[], T]) -> T:
        def ask() -> T:
            if not self._is_there:
                raise BackendUnavailableError
            try:
                return question()
            except (RedisError, OSError):
                # At once, and not when the event loop hears of it: those behind need not wait as well.
                self._is_there = False
                raise

        try:
            return await self._executor.run(ask)
        except OverloadedError:
            raise BackendUnavailableError from None
        except (RedisError, OSError) as error:
            self._lost(error)
            raise BackendUnavailableError from error

    async def _is_back(self) -> bool:
        try:
            # A write, for a server that only reads is of no use.
            await self._executor.run(lambda: self._redis.set(PREFIX + b"look", b"", px=1))
        except (RedisError, OSError, OverloadedError):
            return False
        return True

    def _found(self) -> None:
        log.info("rate_limit.redis_recovered")
        self._was_lost.clear()
        self._is_there = True
        self._connected.set(1)

    def _lost(self, error: Exception) -> None:
        if self._was_lost.is_set():
            return
        log.warning("rate_limit.redis_unavailable", error=type(error).__name__)
        self._was_lost.set()
        self._connected.set(0)


def _key(subject: Subject) -> bytes:
    return PREFIX + subject.key.hex().encode("ascii")


def _in_milliseconds(subject: Subject) -> tuple[Any, ...]:
    free, *seconds = subject.limit.terms()
    return free, *(1000 * one for one in seconds)
