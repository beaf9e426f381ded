import asyncio
import os
import sys
import threading
import time
from contextvars import ContextVar
from types import SimpleNamespace

import pytest

from doorward_kit import executors
from doorward_kit.executors import BoundedExecutor, OverloadedError, thread_pool, usable_cores
from doorward_kit.metrics import Metrics

marker: ContextVar[str] = ContextVar("marker")


def executor(*, threads: int = 1, deadline: float = 600.0, expected: float = 0.001) -> BoundedExecutor:
    return BoundedExecutor(
        "test",
        threads=threads,
        deadline=deadline,
        expected_seconds=expected,
        metrics=Metrics().executor("test"),
    )


def test_counts_at_least_one_core() -> None:
    assert usable_cores() >= 1


async def test_returns_and_raises_what_the_job_does() -> None:
    pool = executor()
    assert await pool.run(lambda: 42) == 42
    with pytest.raises(ZeroDivisionError):
        await pool.run(lambda: 1 // 0)
    pool.shutdown()


@pytest.mark.skipif(sys.platform != "linux", reason="threads have a policy of their own on Linux alone")
def test_threads_for_long_jobs_have_a_lower_priority_than_the_event_loop() -> None:
    pool = thread_pool("test", 1, 10)

    def scheduling_of_thread() -> tuple[int, int]:
        return os.sched_getscheduler(0), os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    lowest = 19  # nice(2), if the whole run was started with a low priority
    assert pool.submit(scheduling_of_thread).result() == (
        os.SCHED_BATCH,
        min(lowest, scheduling_of_thread()[1] + 10),
    )
    assert scheduling_of_thread()[0] == os.SCHED_OTHER
    pool.shutdown()


async def test_the_job_sees_its_callers_context() -> None:
    pool = executor()
    marker.set("mine")
    assert await pool.run(marker.get) == "mine"
    pool.shutdown()


async def test_rejects_jobs_that_could_not_begin_in_time() -> None:
    pool = executor(expected=400)
    release = threading.Event()
    running = [asyncio.create_task(pool.run(release.wait)) for _ in range(2)]
    await asyncio.sleep(0.01)
    began = time.perf_counter()
    with pytest.raises(OverloadedError) as rejected:
        await pool.run(lambda: None)
    assert time.perf_counter() - began < 300, "not when the deadline had passed"
    assert int((rejected.value.headers or {})["Retry-After"]) >= 1
    release.set()
    await asyncio.gather(*running, return_exceptions=True)
    assert await pool.run(lambda: "room again") == "room again"
    pool.shutdown()


async def test_drops_a_job_whose_deadline_passed_in_the_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1_000.0
    monkeypatch.setattr(executors, "time", SimpleNamespace(perf_counter=lambda: now))
    pool = executor(expected=0.0)
    occupied, release = threading.Event(), threading.Event()
    began: list[str] = []

    def occupy() -> None:
        occupied.set()
        release.wait(30)

    first = asyncio.create_task(pool.run(occupy))
    assert await asyncio.to_thread(occupied.wait, 30)
    second = asyncio.create_task(pool.run(lambda: began.append("second")))
    await asyncio.sleep(0)  # it is in the queue
    now += 601
    release.set()
    await first
    with pytest.raises(OverloadedError):
        await second
    assert began == []
    pool.shutdown()


async def test_a_running_job_completes_after_its_caller_left() -> None:
    pool = executor()
    began, release, ended = threading.Event(), threading.Event(), threading.Event()

    def job() -> None:
        began.set()
        release.wait(30)
        ended.set()

    caller = asyncio.create_task(pool.run(job))
    assert await asyncio.to_thread(began.wait, 30)
    caller.cancel()
    release.set()
    assert await asyncio.to_thread(ended.wait, 30)
    pool.shutdown()


async def test_admits_again_when_the_queue_has_drained() -> None:
    pool = executor(expected=400)
    for _ in range(5):
        await pool.run(lambda: time.sleep(0.01))
    assert await pool.run(lambda: "yes") == "yes"
    pool.shutdown()
