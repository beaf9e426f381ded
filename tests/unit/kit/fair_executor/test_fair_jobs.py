"""Jobs on the threads: they run to their end, with their caller's context."""

import asyncio
import threading
from contextlib import suppress
from contextvars import ContextVar

import pytest

from doorward_kit.fair_executor import FairExecutor
from doorward_kit.metrics import Metrics
from doorward_kit.recent_jobs import Charge
from unit.kit.fair_executor.busy import LONG, Busy

marker: ContextVar[str] = ContextVar("marker")


async def test_a_running_job_completes_after_its_deadline() -> None:
    deadline = 1.0
    executor = FairExecutor(
        "test", threads=1, deadline=deadline, expected_seconds=0.0, metrics=Metrics().executor("test")
    )
    occupied, release = threading.Event(), threading.Event()

    def occupy() -> bool:
        occupied.set()
        return release.wait(30)

    running = asyncio.create_task(executor.run(occupy, Charge(())))
    assert await asyncio.to_thread(occupied.wait, 30)
    await asyncio.sleep(deadline)
    release.set()
    assert await running
    executor.shutdown()


async def test_jobs_see_their_callers_context_and_raise_in_their_caller() -> None:
    executor = FairExecutor(
        "test", threads=2, deadline=LONG, expected_seconds=0.0, metrics=Metrics().executor("test")
    )
    marker.set("mine")
    assert await executor.run(marker.get, Charge(())) == "mine"
    with pytest.raises(ZeroDivisionError):
        await executor.run(lambda: 1 // 0, Charge(()))
    executor.shutdown()


async def test_shutdown_waits_for_the_running_job_and_drops_the_others(busy: Busy) -> None:
    task = await busy.add("waiting", "other")
    stopping = asyncio.create_task(asyncio.to_thread(busy.executor.shutdown))
    with suppress(asyncio.CancelledError):
        await task  # dropped while the first job still runs
    assert await busy.let_go() == []
    await stopping
    assert task.cancelled()
