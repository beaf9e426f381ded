"""Threads for blocking work, with a bounded queue."""

import asyncio
import contextvars
import os
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from doorward_client.errors import UnavailableError
from doorward_kit.metrics import ExecutorMetrics

T = TypeVar("T")


class OverloadedError(UnavailableError):
    """503: the queued work would exceed its deadline."""

    code = "overloaded"
    detail = "The service is overloaded. Try again shortly."


def usable_cores() -> int:
    """Return the cores that this process may use, by affinity and cgroup quota; at least one."""
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else (os.cpu_count() or 1)
    return max(1, min(cores, _cgroup_quota() or cores))


def _cgroup_quota() -> int | None:
    """Return the whole cores of the CPU quota of cgroup version 2 or 1, None without a quota."""
    with suppress(OSError, ValueError):
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
        return None if quota == "max" else int(quota) // int(period)
    with suppress(OSError, ValueError):
        folder = Path("/sys/fs/cgroup/cpu")
        quota = (folder / "cpu.cfs_quota_us").read_text(encoding="ascii")
        period = (folder / "cpu.cfs_period_us").read_text(encoding="ascii")
        return int(quota) // int(period) if int(quota) > 0 else None
    return None


def thread_pool(name: str, threads: int, niceness: int) -> ThreadPoolExecutor:
    """Return a pool for CPU-bound jobs; `niceness` is added to that of its threads (Linux).

    So they yield to the event loop.
    """
    return ThreadPoolExecutor(
        threads, thread_name_prefix=name, initializer=_lower_thread_priority, initargs=(niceness,)
    )


class BoundedExecutor:
    """A fixed number of threads, and a queue that rejects jobs it could not start in time.

    `deadline` is the longest wait for a thread, in seconds. A job is rejected on arrival if the jobs before
    it would take longer. `expected_seconds` is the first estimate of a job's duration, which then follows
    the measured ones. So the queue of a hanging resource empties by itself, and new callers fail at once.
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
        self.threads = threads
        self._deadline = deadline
        self._seconds = expected_seconds
        self._metrics = metrics
        self._lock = threading.Lock()
        self._pending = 0
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
        metrics.depth.set_function(lambda: max(0, self._pending - threads))

    async def run(self, job: Callable[[], T]) -> T:
        """Run `job` on a thread, with the caller's context variables.

        A started job runs to its end even if its caller is cancelled. Raises OverloadedError when no thread
        is free in time.
        """
        self._admit()
        accepted = time.perf_counter()
        context = contextvars.copy_context()

        def begin() -> T:
            waited = time.perf_counter() - accepted
            self._metrics.wait.observe(waited)
            if waited > self._deadline:
                self._metrics.rejected.inc()
                raise OverloadedError(retry_after=self._retry_after())
            return context.run(self._timed, job)

        future = self._pool.submit(begin)
        future.add_done_callback(self._on_finished)
        return await asyncio.wrap_future(future)

    def shutdown(self) -> None:
        """Wait for running jobs; drop queued ones."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _timed(self, job: Callable[[], T]) -> T:
        started = time.perf_counter()
        try:
            return job()
        finally:
            self._seconds += 0.3 * (time.perf_counter() - started - self._seconds)

    def _admit(self) -> None:
        with self._lock:
            if self._expected_wait() > self._deadline:
                self._metrics.rejected.inc()
                raise OverloadedError(retry_after=self._retry_after())
            self._pending += 1

    def _on_finished(self, _future: object) -> None:
        with self._lock:
            self._pending -= 1

    def _expected_wait(self) -> float:
        return max(0, self._pending + 1 - self.threads) * self._seconds / self.threads

    def _retry_after(self) -> int:
        return 1 + int(self._expected_wait())


def _lower_thread_priority(niceness: int) -> None:
    # Only Linux has a niceness a thread; elsewhere this would slow down the whole process.
    if sys.platform == "linux" and Path("/proc/self/task").exists():
        with suppress(OSError):
            # SCHED_BATCH threads never preempt the event loop.
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
        thread = threading.get_native_id()
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + niceness)
