"""Who is served first by a queue that is shared fairly, and who is refused when it is full."""

import asyncio
import math
import threading
from collections import Counter
from collections.abc import Callable, Hashable
from contextlib import suppress
from contextvars import ContextVar
from types import SimpleNamespace

import pytest

from doorward_kit import fair_executor
from doorward_kit.executors import OverloadedError
from doorward_kit.fair_executor import (
    HALF_LIFE_SECONDS,
    LONGEST_DELAY_SECONDS,
    MOST_DELAYED,
    MOST_SUBJECTS,
    REFUSALS_PER_SECOND,
    RERANK_SECONDS,
    Charge,
    FairExecutor,
    RecentJobs,
)
from doorward_kit.metrics import Metrics

marker: ContextVar[str] = ContextVar("marker")

LONG = 600.0


class Busy:
    """An executor whose only thread is occupied until `let_go`; it notes the order of the jobs after it."""

    def __init__(self, clock: SimpleNamespace, *, room: int = 1_000) -> None:
        self._clock = clock
        # Each job is expected to take one of the seconds that a job may wait.
        self.executor = FairExecutor(
            "test", threads=1, deadline=LONG, expected_seconds=LONG / room, metrics=Metrics().executor("test")
        )
        self.order: list[str] = []
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._occupied, self._release = threading.Event(), threading.Event()

    async def occupy(self) -> None:
        def job() -> None:
            self._occupied.set()
            self._release.wait(30)

        await self._add("first", job, Charge(("somebody",)))
        assert await asyncio.to_thread(self._occupied.wait, 30)

    async def add(
        self, name: str, *subjects: str, within: dict[Hashable, float] | None = None
    ) -> asyncio.Task[None]:
        charge = Charge(subjects, tuple((within or {}).items()))
        return await self._add(name, lambda: self.order.append(name), charge)

    async def _add(self, name: str, job: Callable[[], None], charge: Charge) -> asyncio.Task[None]:
        task = asyncio.create_task(self.executor.run(job, charge))
        self._tasks[name] = task
        await asyncio.sleep(0)
        return task

    async def let_go(self) -> list[str]:
        """Return the names of the jobs in the order in which they were run."""
        self._clock.now += 2 * RERANK_SECONDS
        self._release.set()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        return self.order

    async def refused(self) -> set[str]:
        for _ in range(3):  # until a refusal has reached its caller
            await asyncio.sleep(0)
        return {
            name
            for name, task in self._tasks.items()
            if task.done() and not task.cancelled() and isinstance(task.exception(), OverloadedError)
        }


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    clock = SimpleNamespace(now=1_000.0)
    monkeypatch.setattr(fair_executor, "time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock


@pytest.fixture
async def busy(clock: SimpleNamespace) -> Busy:
    busy = Busy(clock)
    await busy.occupy()
    return busy


async def test_a_newcomer_is_served_before_the_waiting_jobs_of_a_busy_source(busy: Busy) -> None:
    for number in range(24):
        await busy.add(f"flood {number}", "flooder")
    await busy.add("newcomer", "other")
    order = await busy.let_go()
    assert order[0] == "newcomer"


async def test_many_who_had_jobs_are_served_after_one_who_had_none(busy: Busy) -> None:
    for source in range(200):
        await busy.add(f"first of {source}", f"source {source}")
    for source in range(200):
        await busy.add(f"second of {source}", f"source {source}")
    await busy.add("newcomer", "other")
    order = await busy.let_go()
    assert order[0] == "newcomer"


async def test_the_busiest_of_those_charged_decides(busy: Busy) -> None:
    for source in range(50):
        await busy.add(f"flood {source}", f"source {source}", "one address")
    await busy.add("newcomer", "source of the newcomer", "another address")
    assert (await busy.let_go())[0] == "newcomer"


@pytest.mark.parametrize("number", [1, 30])
async def test_preferred_jobs_are_first(busy: Busy, number: int) -> None:
    strangers = [f"stranger {source}" for source in range(10)]
    for name in strangers:
        await busy.add(name, name)
    owners = [f"owner {job}" for job in range(number)]
    for name in owners:
        await busy.add(name, "account", within={"account": 30})
    assert await busy.let_go() == owners + strangers


async def test_preferred_jobs_past_their_share_are_jobs_like_others(busy: Busy) -> None:
    owners = [f"owner {job}" for job in range(31)]
    for name in owners:
        await busy.add(name, "account", within={"account": 30})
    await busy.add("stranger", "source")
    assert await busy.let_go() == ["stranger", *owners]


async def test_many_accounts_of_one_source_share_what_is_preferred_there(busy: Busy) -> None:
    for account in range(41):
        within: dict[Hashable, float] = {f"account {account}": 30, "source": 40}
        await busy.add(f"owner {account}", f"account {account}", within=within)
    await busy.add("stranger", "elsewhere")
    await busy.add("owner", "other account", within={"other account": 30, "other source": 40})
    order = await busy.let_go()
    assert order[0] == "owner"
    assert "stranger" in order[1:43], "no later than those who asked as often"
    assert order.index("stranger") == 42


async def test_jobs_of_one_source_keep_their_order_while_old_ones_are_forgotten(
    clock: SimpleNamespace, busy: Busy
) -> None:
    for number in range(100):
        await busy.add(f"earlier {number}", "office")
    names = [f"{number:02}" for number in range(20)]
    for name in names:
        clock.now += 2.0  # so long that more is forgotten than is added
        await busy.add(name, "office")
    order = await busy.let_go()
    assert [name for name in order if name in names] == names


async def test_a_full_queue_refuses_the_job_of_the_busiest(clock: SimpleNamespace) -> None:
    busy = Busy(clock, room=20)
    await busy.occupy()
    for number in range(20):
        await busy.add(f"flood {number}", "flooder")
    assert await busy.refused() == set(), "the queue is just full"
    await busy.add("one more", "flooder")
    await busy.add("newcomer", "other")
    assert await busy.refused() == {"one more", "flood 19"}
    assert "newcomer" in await busy.let_go()


async def test_room_is_told_by_who_asks(clock: SimpleNamespace) -> None:
    busy = Busy(clock, room=20)
    await busy.occupy()
    for number in range(20):
        await busy.add(f"flood {number}", "flooder")
    with pytest.raises(OverloadedError) as refused:
        await busy.executor.require_room(Charge(("flooder",)))
    assert int((refused.value.headers or {})["Retry-After"]) > 1
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
    assert "newcomer" not in await busy.refused()
    assert busy.executor._pool._work_queue.qsize() <= 20, "refused jobs leave nothing behind"
    assert "newcomer" in await busy.let_go()


def refusing_executor(*, refusal_seconds: float) -> FairExecutor:
    """Return an executor that refuses all jobs while one runs."""
    return FairExecutor(
        "test",
        threads=1,
        deadline=0.0,
        expected_seconds=LONG,
        metrics=Metrics().executor("test"),
        refusal_seconds=refusal_seconds,
    )


async def test_refusals_wait_so_that_asking_again_at_once_gains_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fair_executor, "MOST_DELAYED", 2)
    executor = refusing_executor(refusal_seconds=LONG)
    release = threading.Event()
    running = asyncio.create_task(executor.run(lambda: release.wait(30), Charge(())))
    await asyncio.sleep(0)
    delayed = [asyncio.create_task(executor.require_room(Charge((number,)))) for number in range(2)]
    await asyncio.sleep(0.05)
    assert not any(task.done() for task in delayed)
    with pytest.raises(OverloadedError):
        await executor.run(lambda: None, Charge(("one more",)))
    for task in delayed:
        task.cancel()
    release.set()
    running.cancel()
    await asyncio.to_thread(executor.shutdown)


async def test_many_refusals_leave_at_a_bounded_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    executor = refusing_executor(refusal_seconds=1.0)
    executor._running = 1
    delays: list[float] = []
    delay = executor._refusal_delay

    def noted() -> float:
        delays.append(delay())
        return LONG

    monkeypatch.setattr(executor, "_refusal_delay", noted)
    waiting = [
        asyncio.create_task(executor.require_room(Charge((number,)))) for number in range(MOST_DELAYED)
    ]
    await asyncio.sleep(0)  # each of them has begun to wait
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    executor.shutdown()
    assert len(delays) == MOST_DELAYED
    assert delays[:100] == [1.0] * 100, "a few wait as long as one"
    leaving = Counter(math.ceil(seconds) for seconds in delays if seconds < LONGEST_DELAY_SECONDS)
    assert max(leaving.values()) <= REFUSALS_PER_SECOND
    assert max(delays) == LONGEST_DELAY_SECONDS


async def test_jobs_whose_caller_has_gone_make_room(clock: SimpleNamespace) -> None:
    busy = Busy(clock, room=4)
    await busy.occupy()
    for _ in range(20):
        (await busy.add("left", "office")).cancel()
        await asyncio.sleep(0.001)
    for number in range(4):
        await busy.add(f"{number}", f"source {number}")
    assert await busy.refused() == set()
    assert await busy.let_go() == ["0", "1", "2", "3"]


async def test_a_job_that_waits_past_its_deadline_is_refused() -> None:
    executor = FairExecutor(
        "test", threads=1, deadline=0.05, expected_seconds=0.0, metrics=Metrics().executor("test")
    )
    occupied, release, ran = threading.Event(), threading.Event(), threading.Event()

    def occupy() -> None:
        occupied.set()
        release.wait(30)

    first = asyncio.create_task(executor.run(occupy, Charge(())))
    assert await asyncio.to_thread(occupied.wait, 30)
    with pytest.raises(OverloadedError):
        await executor.run(ran.set, Charge(("late",)))
    release.set()
    await first
    executor.shutdown()
    assert not ran.is_set()


async def test_a_running_job_completes_after_its_deadline() -> None:
    executor = FairExecutor(
        "test", threads=1, deadline=0.01, expected_seconds=0.0, metrics=Metrics().executor("test")
    )
    release = threading.Event()
    running = asyncio.create_task(executor.run(lambda: release.wait(30), Charge(())))
    await asyncio.sleep(0.1)
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


def test_jobs_count_half_after_the_half_life() -> None:
    recent = RecentJobs()
    for _ in range(8):
        recent.add("one", 0.0)
    assert recent.of("one", HALF_LIFE_SECONDS) == 4
    assert recent.of("nobody", 0.0) == 0


def test_the_busiest_are_remembered_and_no_more_than_a_number() -> None:
    recent = RecentJobs()
    for _ in range(8):
        recent.add("busy", 0.0)
    for number in range(3 * MOST_SUBJECTS):
        recent.add(number, 0.001 * number)
    assert len(recent) <= MOST_SUBJECTS
    assert recent.of("busy", 0.0) == 8
