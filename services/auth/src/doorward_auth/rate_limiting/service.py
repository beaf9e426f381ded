"""The rules of waiting."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TypeVar

import sqlalchemy as sa
import structlog

from doorward_auth.rate_limiting import repository
from doorward_auth.rate_limiting.backends import BackendUnavailableError, DatabaseBackend, RateLimitBackend
from doorward_auth.rate_limiting.errors import TooManyAttemptsError
from doorward_auth.rate_limiting.limits import KEPT, Subject
from doorward_auth.rate_limiting.metrics import RateLimitMetrics
from doorward_client.token_verification import BackgroundTask
from doorward_kit.app import AppResources
from doorward_kit.unit_of_work import Work

log = structlog.get_logger(__name__)

T = TypeVar("T")


class RateLimiter:
    """Refuses who has to wait, and counts; one for all replicas.

    Counts in Redis or Valkey where `redis_url` names one, and in the database while that is away: within
    the same request, so there is always a limit.
    """

    def __init__(self, runtime: AppResources, redis_url: str | None) -> None:
        self._metrics = RateLimitMetrics(runtime.metrics.registry)
        self._units = runtime.database
        self._database: RateLimitBackend = DatabaseBackend(runtime.database)
        self._redis: RateLimitBackend | None = None
        self._watch: BackgroundTask | None = None
        if redis_url is not None:
            # Imported by those who use it: the client library takes 15 MiB.
            from doorward_auth.rate_limiting.redis_backend import RedisBackend  # noqa: PLC0415

            store = RedisBackend(redis_url, runtime.metrics, self._metrics)
            self._redis, self._watch = store, store.run

    async def run(self) -> None:
        """Keep an eye on Redis, where it is used, for as long as the process serves."""
        if self._watch is not None:
            await self._watch()

    async def check(self, subjects: Sequence[Subject]) -> None:
        """Raise TooManyAttemptsError while one of the subjects has to wait.

        Spares the work before an answer. Of many at once all may pass: whether there is an answer is
        for `claim` to say.
        """
        self._refuse(subjects, await self._ask(subjects, lambda store: store.waits(subjects)))

    async def counts(self, subjects: Sequence[Subject]) -> Sequence[int]:
        """Return what is counted of each subject."""
        return await self._ask(subjects, lambda store: store.counts(subjects))

    async def claim(self, subjects: Sequence[Subject], *, counts: bool = True) -> None:
        """Claim an answer for every subject, and count one more unless told not to.

        Raises TooManyAttemptsError while one of them has to wait. Claims are granted one after the other,
        so of a hundred guesses at once, on whatever replicas, no more are answered than of a hundred in a
        row, the right one included: past the limit it is refused as the wrong ones are.
        """
        waits = await self._ask(subjects, lambda store: store.claim(subjects, counts=counts))
        self._granted(subjects, waits, counts=counts)

    async def read(self, subjects: Sequence[Subject], work: Work[T]) -> T:
        """Read from the database while none of the subjects has to wait; raises as `check` does.

        Waits that the database keeps are read in the same unit of work.
        """
        if self._redis_for(subjects) is not None:
            await self.check(subjects)
            return await self._units.read(work)
        waits, found = await self._units.read(
            _unless_waiting(partial(repository.waits, subjects=subjects), work)
        )
        self._refuse(subjects, waits)
        return found[0]

    async def write(self, subjects: Sequence[Subject], work: Work[T], *, counts: bool = False) -> T:
        """Claim an answer as `claim` does, and write: in one transaction where the database counts."""
        if self._redis_for(subjects) is not None:
            await self.claim(subjects, counts=counts)
            return await self._units.write(work)
        waits, done = await self._units.write(
            _unless_waiting(partial(repository.claim, subjects=subjects, counts=counts), work)
        )
        self._granted(subjects, waits, counts=counts)
        return done[0]

    def _granted(self, subjects: Sequence[Subject], waits: Sequence[float], *, counts: bool) -> None:
        self._refuse(subjects, waits)
        if counts:
            for subject in subjects:
                self._metrics.counted(subject)

    def _redis_for(self, subjects: Sequence[Subject]) -> RateLimitBackend | None:
        """Return Redis where it counts all of the subjects, None where the database does."""
        return None if any(subject.limit in KEPT for subject in subjects) else self._redis

    async def _ask(
        self, subjects: Sequence[Subject], question: Callable[[RateLimitBackend], Awaitable[T]]
    ) -> T:
        redis = self._redis_for(subjects)
        if redis is not None:
            try:
                return await question(redis)
            except BackendUnavailableError:
                pass
        return await question(self._database)

    def _refuse(self, subjects: Sequence[Subject], waits: Sequence[float]) -> None:
        waiting = [subject for subject, wait in zip(subjects, waits, strict=True) if wait > 0]
        if not waiting:
            return
        for subject in waiting:
            self._metrics.refused(subject)
        log.info("rate_limit.exceeded", limits=[subject.limit.name for subject in waiting])
        raise TooManyAttemptsError(max(waits))


def _unless_waiting(ask: Work[Sequence[float]], work: Work[T]) -> Work[tuple[Sequence[float], list[T]]]:
    """Return work that asks for the waits, and brings them with what `work` returns if nobody has to wait."""

    def both(connection: sa.Connection) -> tuple[Sequence[float], list[T]]:
        waits = ask(connection)
        return waits, [] if any(waits) else [work(connection)]

    return both
