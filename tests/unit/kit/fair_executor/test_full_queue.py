"""The jobs that a full queue rejects."""

import asyncio
import threading
from contextlib import suppress
from types import SimpleNamespace

import pytest

from doorward_kit.executors import OverloadedError
from doorward_kit.fair_executor import RERANK_SECONDS, FairExecutor
from doorward_kit.metrics import Metrics
from doorward_kit.recent_jobs import Charge
from unit.kit.fair_executor.busy import Busy, Request


async def test_a_full_queue_rejects_the_job_of_the_busiest(clock: SimpleNamespace) -> None:
    busy = Busy(clock, room=20)
    await busy.occupy()
    for number in range(20):
        await busy.add(f"flood {number}", "flooder")
    assert await busy.rejected() == set(), "the queue is just full"
    await busy.add("one more", "flooder")
    await busy.add("newcomer", "other")
    assert await busy.rejected() == {"one more", "flood 19"}
    assert "newcomer" in await busy.let_go()


async def test_the_queue_has_room_depending_on_the_caller(clock: SimpleNamespace) -> None:
    busy = Busy(clock, room=20)
    await busy.occupy()
    for number in range(20):
        await busy.add(f"flood {number}", "flooder")
    with pytest.raises(OverloadedError) as rejected:
        await busy.executor.require_room(Charge(("flooder",)))
    assert int((rejected.value.headers or {})["Retry-After"]) > 1
    await busy.executor.require_room(Charge(("other",)))
    await busy.let_go()


async def test_those_who_ask_a_full_queue_again_and_again_get_behind_a_newcomer(
    clock: SimpleNamespace,
) -> None:
    busy = Busy(clock, room=20)
    await busy.occupy()
    for turn in range(3):
        for source in range(100):
            charge = Charge((f"source {source}",))
            with suppress(OverloadedError):
                await busy.executor.require_room(charge)
                await busy.add(f"{turn} of {source}", f"source {source}")
    clock.now += 2 * RERANK_SECONDS
    await busy.add("newcomer", "other")
    assert "newcomer" not in await busy.rejected()
    assert busy.executor._pool._work_queue.qsize() <= 20, "rejected jobs leave nothing behind"
    assert "newcomer" in await busy.let_go()


async def test_every_rejected_request_is_marked(clock: SimpleNamespace) -> None:
    busy = Busy(clock, room=2)
    await busy.occupy()
    displaced, newcomer, rejected, without_room = (Request() for _ in range(4))
    await busy.add("the flooder's first", "flooder")
    await displaced.within(busy.add("the flooder's last", "flooder"))
    await newcomer.within(busy.add("newcomer", "other"))
    await rejected.within(busy.add("one more", "flooder"))
    with pytest.raises(OverloadedError):
        await without_room.within(busy.executor.require_room(Charge(("flooder",))))
    assert await busy.rejected() == {"the flooder's last", "one more"}
    await busy.let_go()
    assert [one.is_rejected for one in (displaced, newcomer, rejected, without_room)] == [
        True,
        False,
        True,
        True,
    ]


async def test_jobs_whose_caller_has_gone_make_room(clock: SimpleNamespace) -> None:
    busy = Busy(clock, room=4)
    await busy.occupy()
    for _ in range(20):
        (await busy.add("left", "office")).cancel()
        await asyncio.sleep(0.001)
    for number in range(4):
        await busy.add(f"{number}", f"source {number}")
    assert await busy.rejected() == set()
    assert await busy.let_go() == ["0", "1", "2", "3"]


async def test_a_job_that_waits_past_its_deadline_is_rejected() -> None:
    executor = FairExecutor(
        "test", threads=1, deadline=30, expected_seconds=0.0, metrics=Metrics().executor("test")
    )
    occupied, release, ran = threading.Event(), threading.Event(), threading.Event()

    def occupy() -> None:
        occupied.set()
        release.wait(30)

    first = asyncio.create_task(executor.run(occupy, Charge(())))
    assert await asyncio.to_thread(occupied.wait, 30)
    executor._deadline = 0.01  # of the second job alone: the first one has its thread
    with pytest.raises(OverloadedError):
        await executor.run(ran.set, Charge(("late",)))
    release.set()
    await first
    executor.shutdown()
    assert not ran.is_set()
