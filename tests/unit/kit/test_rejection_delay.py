"""How long rejections wait, how many of them, and which answers do."""

import asyncio
import itertools
import weakref
from collections import Counter
from collections.abc import Callable, Coroutine
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from doorward_client.request_context import note_rejection
from doorward_kit import middleware, rejection_delay
from doorward_kit.cors import NO_CORS_ROUTES, CorsPolicy
from doorward_kit.executors import OverloadedError
from doorward_kit.metrics import Metrics
from doorward_kit.middleware import RequestMiddleware
from doorward_kit.rejection_delay import MOST_WAITING, REJECTIONS_PER_SECOND, RejectionDelay
from doorward_kit.shutdown import Shutdown
from doorward_kit.upload_limit import UploadLimit

SECONDS = 1.0
LONGEST = MOST_WAITING / REJECTIONS_PER_SECOND


class Clock:
    """The time and the timers of an event loop, which go on when the test says so."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self._numbers = itertools.count()
        self._timers: dict[int, tuple[float, Callable[..., None], tuple[Any, ...]]] = {}

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, call: Callable[..., None], *args: Any) -> SimpleNamespace:
        number = next(self._numbers)
        self._timers[number] = (when, call, args)
        return SimpleNamespace(cancel=lambda: self._timers.pop(number, None))

    @staticmethod
    def create_future() -> asyncio.Future[None]:
        return asyncio.get_running_loop().create_future()

    @property
    def timers(self) -> int:
        return len(self._timers)

    async def until(self, when: float) -> None:
        """Let time pass, timer by timer."""
        await settle()
        while due := sorted((at, number) for number, (at, _, _) in self._timers.items() if at <= when):
            self.now, number = due[0]
            _, call, args = self._timers.pop(number)
            call(*args)
            await settle()
        self.now = when


async def settle() -> None:
    """Let every task go on until it waits."""
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    loop = SimpleNamespace(get_running_loop=lambda: clock, Future=asyncio.Future)
    monkeypatch.setattr(rejection_delay, "asyncio", loop)
    return clock


def delay_of(seconds: float, metrics: Metrics | None = None) -> RejectionDelay:
    return RejectionDelay(seconds, (metrics or Metrics()).rejections)


class Answers:
    """Rejections, and when each is answered."""

    def __init__(self, clock: Clock, delay: RejectionDelay) -> None:
        self._clock = clock
        self._delay = delay
        self.at: list[float] = []
        self.tasks: list[asyncio.Task[None]] = []

    async def add(self, count: int) -> None:
        self.tasks += [asyncio.create_task(self._answer()) for _ in range(count)]
        await settle()

    async def _answer(self) -> None:
        await self._delay.wait()
        self.at.append(self._clock.now)


async def test_a_rejection_waits(clock: Clock) -> None:
    answers = Answers(clock, delay_of(SECONDS))
    await answers.add(1)
    await clock.until(1_000.9)
    assert answers.at == []
    await clock.until(1_001.0)
    assert answers.at == [1_001.0]
    await clock.until(1_500.0)
    await answers.add(1)
    await clock.until(1_600.0)
    assert answers.at[1:] == [1_501.0], "what waited long ago is forgotten"


async def test_without_a_delay_nothing_waits(clock: Clock) -> None:
    answers = Answers(clock, delay_of(0.0))
    await answers.add(MOST_WAITING + 1)
    assert answers.at == [1_000.0] * (MOST_WAITING + 1)


async def test_rejections_of_the_same_moment_leave_one_by_one(clock: Clock) -> None:
    answers = Answers(clock, delay_of(SECONDS))
    await answers.add(MOST_WAITING)
    await clock.until(1_000.0 + 2 * LONGEST)
    assert len(answers.at) == MOST_WAITING
    gaps = [after - before for before, after in itertools.pairwise(answers.at)]
    assert min(gaps) == pytest.approx(1 / REJECTIONS_PER_SECOND)
    assert answers.at[-1] - 1_000.0 == pytest.approx(SECONDS + LONGEST, abs=0.02)


async def test_clients_that_ask_again_at_once_get_a_bounded_number_of_answers(clock: Clock) -> None:
    delay = delay_of(SECONDS)
    leaving: Counter[int] = Counter()

    async def ask_again_and_again() -> None:
        while True:
            await delay.wait()
            leaving[int(clock.now)] += 1
            await asyncio.sleep(0)  # or it would go on for ever if nothing waited

    clients = [asyncio.create_task(ask_again_and_again()) for _ in range(MOST_WAITING)]
    await clock.until(1_020.5)
    for client in clients:
        client.cancel()
    await asyncio.gather(*clients, return_exceptions=True)
    assert sum(leaving.values()) > 15 * REJECTIONS_PER_SECOND
    assert max(leaving.values()) <= REJECTIONS_PER_SECOND + 1  # of a second that a rounded time begins


async def test_further_rejections_are_answered_at_once(clock: Clock) -> None:
    answers = Answers(clock, delay_of(SECONDS))
    await answers.add(MOST_WAITING + 3)
    assert answers.at == [1_000.0] * 3
    assert clock.timers == MOST_WAITING
    await clock.until(1_001.0)
    assert len(answers.at) == 4
    await answers.add(1)
    assert len(answers.at) == 4, "there is room again"
    await clock.until(1_000.0 + 3 * LONGEST)
    assert clock.timers == 0


async def test_a_rejection_whose_request_is_cancelled_leaves_nothing_behind(clock: Clock) -> None:
    delay = delay_of(SECONDS)
    answers = Answers(clock, delay)
    await answers.add(MOST_WAITING)
    for task in answers.tasks:
        task.cancel()
    await settle()
    assert clock.timers == 0
    await answers.add(1)
    assert answers.at == [], "its place is free"
    await clock.until(1_001.0)
    assert answers.at == [1_001.0], "its turn, too"


async def test_a_process_that_stops_does_not_wait(clock: Clock) -> None:
    delay = delay_of(SECONDS)
    answers = Answers(clock, delay)
    await answers.add(2)
    delay.end()
    await settle()
    assert len(answers.at) == 2
    await answers.add(1)
    assert len(answers.at) == 3
    assert clock.timers == 0


def counted(metrics: Metrics) -> tuple[float | None, float | None]:
    """Return how many rejections wait, and how many were answered at once because too many waited."""
    value = metrics.registry.get_sample_value
    return value("doorward_rejections_waiting"), value("doorward_rejections_undelayed_total")


async def test_the_metrics_say_how_many_wait_and_how_many_could_not(clock: Clock) -> None:
    metrics = Metrics()
    delay = delay_of(SECONDS, metrics)
    answers = Answers(clock, delay)
    assert counted(metrics) == (0, 0)
    await answers.add(MOST_WAITING)
    assert counted(metrics) == (MOST_WAITING, 0)
    await answers.add(3)
    assert counted(metrics) == (MOST_WAITING, 3)
    await clock.until(1_000.0 + 3 * LONGEST)
    assert counted(metrics) == (0, 3)


async def test_rejections_that_never_wait_are_not_counted(clock: Clock) -> None:
    """Otherwise a delay of 0, or the end of a process, would look like a flood."""
    metrics = Metrics()
    await Answers(clock, delay_of(0.0, metrics)).add(MOST_WAITING + 1)
    ending = delay_of(SECONDS, metrics)
    ending.end()
    await Answers(clock, ending).add(MOST_WAITING + 1)
    assert counted(metrics) == (0, 0)


async def answer(send: Send, _error: Exception | None = None) -> None:
    await send({"type": "http.response.start", "status": 429, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def served(
    delay: RejectionDelay, work: Callable[[], Coroutine[Any, Any, None]], metrics: Metrics | None = None
) -> asyncio.Task[None]:
    """Serve one request behind the middleware, whose application does `work` and answers."""

    async def application(_scope: Scope, _receive: Receive, send: Send) -> None:
        try:
            await work()
        except OverloadedError as error:
            # As Starlette does, which handles an exception with all frames of its traceback.
            await answer(send, error)
        else:
            await answer(send)

    async def receive() -> Message:
        raise AssertionError

    async def send(_message: Message) -> None:
        """Take what is sent."""

    served_by = RequestMiddleware(
        application,
        service="things",
        metrics=metrics or Metrics(),
        max_body_bytes=1_024,
        uploads=UploadLimit(1_024, []),
        access_log=False,
        shutdown=Shutdown(),
        rejections=delay,
        trusted_proxies=(),
        cors=CorsPolicy(NO_CORS_ROUTES),
    )
    scope: Scope = {"type": "http", "method": "POST", "path": "/", "headers": [], "client": None}
    task = asyncio.create_task(served_by(scope, receive, send))
    await settle()
    return task


async def test_the_answer_to_a_rejected_request_waits(clock: Clock) -> None:
    async def reject() -> None:
        note_rejection()

    task = await served(delay_of(SECONDS), reject)
    assert not task.done()
    await clock.until(1_001.0)
    assert task.done()


class Upload:
    """A large object of a request, as its body."""


async def test_a_request_whose_answer_waits_is_forgotten(clock: Clock) -> None:
    """Otherwise 400 rejected uploads would be in the memory of the process."""
    seen: list[weakref.ref[Upload]] = []

    async def reject() -> None:
        upload = Upload()
        seen.append(weakref.ref(upload))
        note_rejection()
        raise OverloadedError

    task = await served(delay_of(SECONDS), reject)
    assert not task.done()
    assert [observed() for observed in seen] == [None]
    await clock.until(1_001.0)
    assert task.done()


async def test_the_time_of_an_answer_in_the_metrics_is_without_the_wait(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def reject() -> None:
        note_rejection()

    metrics, recorded = Metrics(), []
    monkeypatch.setattr(metrics, "observe_request", lambda *values: recorded.append(values))
    monkeypatch.setattr(middleware, "time", SimpleNamespace(perf_counter=clock.time))
    await served(delay_of(SECONDS), reject, metrics)
    await clock.until(1_001.0)
    assert [(status, seconds) for _, _, status, seconds in recorded] == [(429, 0.0)]


async def test_other_answers_do_not_wait(clock: Clock) -> None:
    async def answer() -> None:
        """Answer with a status of its own, which is none of a limit."""

    task = await served(delay_of(SECONDS), answer)
    assert task.done()
    assert clock.timers == 0


async def test_a_bug_after_a_rejection_is_answered_at_once(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail() -> None:
        note_rejection()
        raise RuntimeError

    metrics, statuses = Metrics(), []
    monkeypatch.setattr(metrics, "observe_request", lambda *values: statuses.append(values[2]))
    await served(delay_of(SECONDS), fail, metrics)
    assert statuses == [500]
    assert clock.timers == 0
