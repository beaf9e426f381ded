"""Threads for costly work, shared fairly among the callers.

The jobs of busy callers wait behind those of others, and a full queue rejects the job of the busiest. So
one busy client, or a thousand, cannot keep the others waiting. Rejected jobs count like others, so that
repeating a request brings no advantage.
"""

import asyncio
import bisect
import contextvars
import math
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from doorward_client.request_context import note_rejection
from doorward_kit.executors import OverloadedError, thread_pool
from doorward_kit.metrics import ExecutorMetrics
from doorward_kit.recent_jobs import Charge, Rank, RecentJobs

T = TypeVar("T")

_NICENESS: Final = 10

RERANK_SECONDS: Final = 0.05
"""Waiting jobs are sorted again, because callers may have sent more since; at most this often."""


@contextmanager
def _rejections_noted() -> Iterator[None]:
    """Mark the request whose job is rejected within, so that its answer waits (see `rejection_delay`)."""
    try:
        yield
    except OverloadedError:
        note_rejection()
        raise


@dataclass(order=True, slots=True)
class _WaitingJob:
    """A waiting job; the lowest one is next."""

    rank: Rank
    number: int
    charge: Charge = field(compare=False)
    accepted: float = field(compare=False)
    job: Callable[[], Any] = field(compare=False)
    future: Future[Any] = field(compare=False, default_factory=Future)

    def reject(self, error: OverloadedError) -> None:
        """End the wait with an error, unless the caller has gone."""
        if self.future.set_running_or_notify_cancel():
            self.future.set_exception(error)


class FairExecutor:
    """A fixed number of threads, and a queue in which callers with few recent jobs are first.

    `deadline` is the longest wait for a thread, in seconds. If the jobs before a new one would take longer,
    the job of the busiest caller is rejected: the new one, or one that waits. `expected_seconds` is the
    first estimate of a job's duration, which then follows the measured ones.
    """

    def __init__(
        self,
        name: str,
        *,
        threads: int,
        deadline: float,
        expected_seconds: float,
        metrics: ExecutorMetrics,
    ) -> None:
        self._threads = threads
        self._deadline = deadline
        self._seconds = expected_seconds
        self._metrics = metrics
        self._lock = threading.Lock()
        self._waiting: list[_WaitingJob] = []
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
        with _rejections_noted():
            entry, needs_thread = self._enqueue(lambda: context.run(job), charge)
            if needs_thread:
                # It takes the job that is first by then, which may be another one.
                self._pool.submit(self._run_next)
            timer = asyncio.get_running_loop().call_later(self._deadline, self._reject, entry)
            try:
                result: T = await asyncio.wrap_future(entry.future)
            except asyncio.CancelledError:
                self._withdraw(entry)
                raise
            finally:
                timer.cancel()
        return result

    async def require_room(self, charge: Charge) -> None:
        """Raise OverloadedError if a job would be rejected now, for callers that have to prepare it first."""
        with _rejections_noted():
            self._check_room(charge)

    def shutdown(self) -> None:
        """Wait for running jobs; drop waiting ones."""
        with self._lock:
            dropped, self._waiting = self._waiting, []
        for entry in dropped:
            entry.future.cancel()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _check_room(self, charge: Charge) -> None:
        now = time.monotonic()
        with self._lock:
            try:
                self._require_room(self._recent.rank(charge, now, further=1), now)
            except OverloadedError:
                self._recent.add(charge, now)
                raise

    def _enqueue(self, job: Callable[[], Any], charge: Charge) -> tuple[_WaitingJob, bool]:
        """Return the waiting job, and whether no call of `_run_next` is pending for it."""
        now = time.monotonic()
        with self._lock:
            self._recent.add(charge, now)
            rank = self._recent.rank(charge, now)
            worst = self._require_room(rank, now)
            if worst is not None:
                self._remove(worst)
                worst.reject(self._rejection())
            self._numbers += 1
            entry = _WaitingJob(rank, self._numbers, charge, now, job)
            bisect.insort(self._waiting, entry)
            needs_thread = self._pending_calls < len(self._waiting)
            self._pending_calls += needs_thread
        return entry, needs_thread

    def _rank_again(self, now: float) -> None:
        if now - self._ranked_at < RERANK_SECONDS:
            return
        self._ranked_at = now
        for entry in self._waiting:
            entry.rank = self._recent.rank(entry.charge, now)
        self._waiting.sort()

    def _require_room(self, rank: Rank, now: float) -> _WaitingJob | None:
        """Return the waiting job that a job of this rank displaces, None if there is room for it."""
        if self._expected_wait() <= self._deadline:
            return None
        self._rank_again(now)
        if not self._waiting or rank >= self._waiting[-1].rank:
            raise self._rejection()
        return self._waiting[-1]

    def _reject(self, entry: _WaitingJob) -> None:
        """Reject a job whose deadline has passed, if it still waits."""
        with self._lock:
            if not self._remove(entry):
                return
            rejection = self._rejection()
        entry.reject(rejection)

    def _withdraw(self, entry: _WaitingJob) -> None:
        """Drop a job whose caller has gone, if it still waits."""
        with self._lock:
            self._remove(entry)

    def _run_next(self) -> None:
        started = time.monotonic()
        with self._lock:
            self._pending_calls -= 1
            if not self._waiting:
                return  # it was rejected or withdrawn
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
            self._on_finished(started)
            entry.future.set_exception(error)
        else:
            self._on_finished(started)
            entry.future.set_result(result)

    def _on_finished(self, started: float) -> None:
        with self._lock:
            self._running -= 1
            self._seconds += 0.3 * (time.monotonic() - started - self._seconds)

    def _remove(self, entry: _WaitingJob) -> bool:
        """Remove a waiting job; return False if it does not wait any more."""
        index = bisect.bisect_left(self._waiting, entry)
        if index == len(self._waiting) or self._waiting[index] is not entry:
            return False
        del self._waiting[index]
        return True

    def _expected_wait(self) -> float:
        jobs = len(self._waiting) + self._running + 1 - self._threads
        return max(0, jobs) * self._seconds / self._threads

    def _rejection(self) -> OverloadedError:
        self._metrics.rejected.inc()
        return OverloadedError(retry_after=1 + int(self._expected_wait()))
