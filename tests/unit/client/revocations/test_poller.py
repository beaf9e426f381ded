import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from prometheus_client import CollectorRegistry

from doorward_client.metrics import NoVerificationMetrics
from doorward_client.prometheus import PrometheusVerificationMetrics
from doorward_client.revocations import poller as poller_module
from doorward_client.revocations.models import FetchedRevocations, RevocationEntries
from doorward_client.revocations.poller import RevocationPoller
from doorward_client.revocations.revocation_list import RevocationList

A, B, C = uuid.uuid4(), uuid.uuid4(), uuid.uuid4()


class FakeSource:
    def __init__(self) -> None:
        self.answers: asyncio.Queue[RevocationEntries | Exception] = asyncio.Queue()
        self.polled = asyncio.Semaphore(0)
        self.is_closed = False

    async def fetch(self) -> FetchedRevocations:
        self.polled.release()
        answer = await self.answers.get()
        if isinstance(answer, Exception):
            raise answer
        return FetchedRevocations(answer)

    def problem(self) -> str | None:
        return None

    def warning(self) -> str | None:
        return None

    async def close(self) -> None:
        self.is_closed = True


class FakePublisher:
    def __init__(self) -> None:
        self.published: asyncio.Queue[RevocationEntries] = asyncio.Queue()

    async def publish(self, entries: RevocationEntries) -> None:
        self.published.put_nowait(entries)


def poller_of(source: FakeSource, *, interval: float = 3600) -> RevocationPoller:
    return RevocationPoller(RevocationList(), source, NoVerificationMetrics(), interval=interval)


async def polls(source: FakeSource, count: int) -> None:
    for _ in range(count):
        await source.polled.acquire()


@asynccontextmanager
async def running(poller: RevocationPoller) -> AsyncIterator[None]:
    task = asyncio.create_task(poller.run())
    try:
        async with asyncio.timeout(30):
            yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_failed_poll_ages_the_list_until_the_next_success() -> None:
    source = FakeSource()
    poller = poller_of(source, interval=0.001)
    async with running(poller):
        source.answers.put_nowait(ConnectionError("down"))
        await polls(source, 2)
        assert poller.revocations.age() is None
        source.answers.put_nowait(RevocationEntries())
        await polls(source, 1)
        assert poller.revocations.age() is not None


async def test_before_the_first_list_the_poller_ignores_the_interval(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(poller_module, "MAX_FIRST_RETRY_SECONDS", 0.001)
    source = FakeSource()
    async with running(poller_of(source, interval=3600)):
        source.answers.put_nowait(ConnectionError("down"))
        await polls(source, 2)


async def test_a_woken_poller_polls_at_once() -> None:
    source = FakeSource()
    poller = poller_of(source)
    async with running(poller):
        source.answers.put_nowait(RevocationEntries())
        await polls(source, 1)
        poller.wake()
        await polls(source, 1)


async def test_the_poller_closes_its_source() -> None:
    source = FakeSource()
    async with running(poller_of(source)):
        await polls(source, 1)
        assert not source.is_closed
    assert source.is_closed


async def test_the_poller_publishes_only_its_own_new_entries() -> None:
    source, publisher = FakeSource(), FakePublisher()
    poller = poller_of(source)
    poller.publisher = publisher
    poller.apply_remote(RevocationEntries({B: 300.0}))
    for sessions in ({A}, {A, B}, {A, B, C}):
        source.answers.put_nowait(RevocationEntries(dict.fromkeys(sessions, 300.0)))
        await poller.update()
    async with asyncio.timeout(30):
        assert (await publisher.published.get()).sessions == {C: 300.0}
    assert publisher.published.empty()


async def test_metrics_contain_the_length_and_the_age_of_the_list() -> None:
    registry, source = CollectorRegistry(), FakeSource()
    poller = RevocationPoller(
        RevocationList(), source, PrometheusVerificationMetrics(registry), interval=3600
    )
    assert registry.get_sample_value("doorward_revocations_age_seconds") == float("inf")
    source.answers.put_nowait(RevocationEntries({A: 300.0}))
    await poller.update()
    assert registry.get_sample_value("doorward_revocations") == 1
    assert (registry.get_sample_value("doorward_revocations_age_seconds") or 0) < 60
