"""Threads for costly work, shared fairly among those who ask for it.

Whoever asks for much waits behind those who ask for little, and while the queue is full, whoever asked for
most is refused. So one busy client, or a thousand, cannot keep the others from their turn. Refused jobs
count like others: who asks again and again gets behind who asks once. Each process shares out its own
threads: what it remembers of its clients is of no use to another one.
"""

import asyncio
import bisect
import contextvars
import heapq
import math
import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, NamedTuple, TypeVar

from doorward_kit.executors import OverloadedError, thread_pool
from doorward_kit.metrics import ExecutorMetrics

T = TypeVar("T")

HALF_LIFE_SECONDS: Final = 60.0
"""After this time a job counts half."""

_NICENESS: Final = 10

MOST_DELAYED: Final = 1_000
"""Refusals that wait at the same time, with some kilobytes each; further ones are immediate."""

REFUSALS_PER_SECOND: Final = 100
"""How fast waiting refusals leave: each may be followed by another request of the same caller."""

LONGEST_DELAY_SECONDS: Final = 5.0

RERANK_SECONDS: Final = 0.05
"""Waiting jobs are put in order again at most this often: who waits may go on asking."""

MOST_SUBJECTS: Final = 10_000
"""Some two megabytes."""


@dataclass(frozen=True, slots=True)
class Charge:
    """Whom a job is charged to: each of them, so that the busiest one decides about its turn.

    `preferred_within` are subjects with a number of recent jobs. If there are some, and none had more, the
    job is run before those of others.
    """

    subjects: tuple[Hashable, ...]
    preferred_within: tuple[tuple[Hashable, float], ...] = ()

    @property
    def all_subjects(self) -> set[Hashable]:
        return {*self.subjects, *(subject for subject, _ in self.preferred_within)}


class RecentJobs:
    """How many jobs were charged to whom lately; each counts half after HALF_LIFE_SECONDS.

    The busiest are remembered: callers who choose a new name for each job cannot fill the memory.
    """

    def __init__(self) -> None:
        self._by_subject: dict[int, tuple[float, float]] = {}

    def __len__(self) -> int:
        return len(self._by_subject)

    def of(self, subject: Hashable, now: float) -> float:
        """Return the weighted number of a subject's jobs."""
        return self._weighted(hash(subject), now)

    def add(self, subject: Hashable, now: float) -> None:
        """Count a job."""
        key = hash(subject)  # of a fixed size, and not to be foreseen: Python's hashes of text have a secret
        self._by_subject[key] = (self._weighted(key, now) + 1, now)
        if len(self._by_subject) > MOST_SUBJECTS:
            self._keep_the_busiest(now)

    def _weighted(self, key: int, now: float) -> float:
        count, at = self._by_subject.get(key, (0.0, now))
        return count * math.exp2((at - now) / HALF_LIFE_SECONDS)

    def _keep_the_busiest(self, now: float) -> None:
        busiest = heapq.nlargest(MOST_SUBJECTS // 2, self._by_subject, key=partial(self._weighted, now=now))
        self._by_subject = {key: self._by_subject[key] for key in busiest}


class _Rank(NamedTuple):
    """Where a job goes in the queue: the lowest rank is first."""

    is_postponed: bool
    """Not preferred, or no longer."""
    recent_jobs: int
    """Binary order of magnitude; within one, the order is that of arrival."""


@dataclass(order=True, slots=True)
class _Entry:
    """A waiting job; the lowest one is next."""

    rank: _Rank
    number: int
    charge: Charge = field(compare=False)
    accepted: float = field(compare=False)
    job: Callable[[], Any] = field(compare=False)
    future: Future[Any] = field(compare=False, default_factory=Future)

    def refuse(self, error: OverloadedError) -> None:
        """End the wait with an error, unless the caller has gone."""
        if self.future.set_running_or_notify_cancel():
            self.future.set_exception(error)


class FairExecutor:
    """A fixed number of threads, and a queue in order of who had the fewest recent jobs.

    `deadline` is the longest wait for a thread, in seconds. If the jobs before a new one would take longer,
    the job of whoever had the most recent ones is refused: the new one, or one that waits.
    `expected_seconds` is the first estimate of a job's duration, which then follows the measured ones.
    A refusal waits `refusal_seconds`, and longer while many wait: callers who ask again at once would
    otherwise keep the event loop so busy that the threads, which yield to it, get nowhere.
    """

    def __init__(
        self,
        name: str,
        *,
        threads: int,
        deadline: float,
        expected_seconds: float,
        metrics: ExecutorMetrics,
        refusal_seconds: float = 0.0,
    ) -> None:
        self._refusal_seconds = refusal_seconds
        self._delayed = 0
        self._threads = threads
        self._deadline = deadline
        self._seconds = expected_seconds
        self._metrics = metrics
        self._lock = threading.Lock()
        self._waiting: list[_Entry] = []
        self._running = 0
        self._pending_calls = 0
        self._numbers = 0
        self._recent = RecentJobs()
        self._ranked_at = -math.inf
        self._pool = thread_pool(name, threads, _NICENESS)
        metrics.depth.set_function(lambda: len(self._waiting))

    async def run(self, job: Callable[[], T], charge: Charge) -> T:
        """Run `job` on a thread, with the caller's context variables.

        A started job runs to its end even if its caller is cancelled. Raises OverloadedError if it is not
        started in time.
        """
        context = contextvars.copy_context()
        try:
            entry, needs_thread = self._enqueue(lambda: context.run(job), charge)
        except OverloadedError:
            await self._delay_refusal()
            raise
        if needs_thread:
            # It takes the job that is first by then, which may be another one.
            self._pool.submit(self._run_next)
        timer = asyncio.get_running_loop().call_later(self._deadline, self._refuse, entry)
        try:
            result: T = await asyncio.wrap_future(entry.future)
        except asyncio.CancelledError:
            self._withdraw(entry)
            raise
        finally:
            timer.cancel()
        return result

    async def require_room(self, charge: Charge) -> None:
        """Raise OverloadedError if a job would be refused now, for callers that have to prepare it first."""
        try:
            self._check_room(charge)
        except OverloadedError:
            await self._delay_refusal()
            raise

    def shutdown(self) -> None:
        """Wait for running jobs; drop waiting ones."""
        with self._lock:
            dropped, self._waiting = self._waiting, []
        for entry in dropped:
            entry.future.cancel()
        self._pool.shutdown(wait=True, cancel_futures=True)

    async def _delay_refusal(self) -> None:
        if self._delayed >= MOST_DELAYED:
            return
        self._delayed += 1
        try:
            await asyncio.sleep(self._refusal_delay())
        finally:
            self._delayed -= 1

    def _refusal_delay(self) -> float:
        if not self._refusal_seconds:
            return 0.0
        return max(self._refusal_seconds, min(self._delayed / REFUSALS_PER_SECOND, LONGEST_DELAY_SECONDS))

    def _check_room(self, charge: Charge) -> None:
        now = time.monotonic()
        with self._lock:
            try:
                self._require_room(self._rank(charge, now, further=1), now)
            except OverloadedError:
                self._count(charge, now)
                raise

    def _enqueue(self, job: Callable[[], Any], charge: Charge) -> tuple[_Entry, bool]:
        """Return the waiting job, and whether no call of `_run_next` is pending for it."""
        now = time.monotonic()
        with self._lock:
            self._count(charge, now)
            rank = self._rank(charge, now)
            worst = self._require_room(rank, now)
            if worst is not None:
                self._remove(worst)
                worst.refuse(self._refusal())
            self._numbers += 1
            entry = _Entry(rank, self._numbers, charge, now, job)
            bisect.insort(self._waiting, entry)
            needs_thread = self._pending_calls < len(self._waiting)
            self._pending_calls += needs_thread
        return entry, needs_thread

    def _count(self, charge: Charge, now: float) -> None:
        for subject in charge.all_subjects:
            self._recent.add(subject, now)

    def _rank(self, charge: Charge, now: float, *, further: int = 0) -> _Rank:
        recent = further + max((self._recent.of(subject, now) for subject in charge.subjects), default=0.0)
        is_postponed = not charge.preferred_within or any(
            further + self._recent.of(subject, now) > most for subject, most in charge.preferred_within
        )
        return _Rank(is_postponed, math.ceil(recent).bit_length())

    def _rank_again(self, now: float) -> None:
        if now - self._ranked_at < RERANK_SECONDS:
            return
        self._ranked_at = now
        for entry in self._waiting:
            entry.rank = self._rank(entry.charge, now)
        self._waiting.sort()

    def _require_room(self, rank: _Rank, now: float) -> _Entry | None:
        """Return the waiting job that a job of this rank displaces, None if there is room for it."""
        if self._expected_wait() <= self._deadline:
            return None
        self._rank_again(now)
        if not self._waiting or rank >= self._waiting[-1].rank:
            raise self._refusal()
        return self._waiting[-1]

    def _refuse(self, entry: _Entry) -> None:
        """Refuse a job whose deadline has passed, if it still waits."""
        with self._lock:
            if not self._remove(entry):
                return
            refusal = self._refusal()
        entry.refuse(refusal)

    def _withdraw(self, entry: _Entry) -> None:
        """Drop a job whose caller has gone, if it still waits."""
        with self._lock:
            self._remove(entry)

    def _run_next(self) -> None:
        started = time.monotonic()
        with self._lock:
            self._pending_calls -= 1
            if not self._waiting:
                return  # it was refused or withdrawn
            self._rank_again(started)
            entry = self._waiting[0]
            if not entry.future.set_running_or_notify_cancel():
                self._remove(entry)
                return
            del self._waiting[0]
            self._running += 1
        self._metrics.wait.observe(started - entry.accepted)
        try:
            result = entry.job()
        except BaseException as error:  # noqa: BLE001 - the caller gets it
            self._leave(started)
            entry.future.set_exception(error)
        else:
            self._leave(started)
            entry.future.set_result(result)

    def _leave(self, started: float) -> None:
        with self._lock:
            self._running -= 1
            self._seconds += 0.3 * (time.monotonic() - started - self._seconds)

    def _remove(self, entry: _Entry) -> bool:
        """Remove a waiting job; return False if it does not wait any more."""
        index = bisect.bisect_left(self._waiting, entry)
        if index == len(self._waiting) or self._waiting[index] is not entry:
            return False
        del self._waiting[index]
        return True

    def _expected_wait(self) -> float:
        jobs = len(self._waiting) + self._running + 1 - self._threads
        return max(0, jobs) * self._seconds / self._threads

    def _refusal(self) -> OverloadedError:
        self._metrics.refused.inc()
        return OverloadedError(retry_after=1 + int(self._expected_wait()))
