"""The queue of pictures: a few at once, one for each user, bounded, and undisturbed by failures."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
from prometheus_client import CollectorRegistry

from doorward_auth.upstream.pictures.metrics import PictureMetrics, PictureOutcome
from doorward_auth.upstream.pictures.queue import MAX_CONCURRENT, MAX_WAITING, PictureQueue

URL = httpx2.URL("https://pictures.example.com/1")
NEWER = httpx2.URL("https://pictures.example.com/2")


class Updates:
    """Updates that a test ends one by one."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.queue = PictureQueue("theapi", self.update, PictureMetrics(self.registry, ["theapi"]))
        self.begun: list[tuple[uuid.UUID, httpx2.URL]] = []
        self._changed = asyncio.Condition()
        self._ends: dict[uuid.UUID, asyncio.Future[PictureOutcome]] = {}

    async def update(self, user_id: uuid.UUID, url: httpx2.URL) -> PictureOutcome:
        assert user_id not in self._ends, "one at a time for a user"
        self._ends[user_id] = asyncio.get_running_loop().create_future()
        async with self._changed:
            self.begun.append((user_id, url))
            self._changed.notify_all()
        try:
            return await self._ends[user_id]
        finally:
            del self._ends[user_id]

    def end(self, user_id: uuid.UUID, outcome: PictureOutcome | Exception = PictureOutcome.STORED) -> None:
        future = self._ends[user_id]
        if isinstance(outcome, Exception):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)

    async def until_begun(self, count: int) -> None:
        async with asyncio.timeout(20), self._changed:
            await self._changed.wait_for(lambda: len(self.begun) >= count)

    def count(self, outcome: PictureOutcome) -> float | None:
        labels = {"provider": "theapi", "outcome": outcome.value}
        return self.registry.get_sample_value("doorward_upstream_pictures_total", labels)


@asynccontextmanager
async def running() -> AsyncIterator[Updates]:
    updates = Updates()
    task = asyncio.create_task(updates.queue.run())
    yield updates
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled()


async def idle() -> None:
    """Let every task run that can."""
    for _ in range(50):
        await asyncio.sleep(0)


async def test_a_few_are_updated_at_once() -> None:
    async with running() as updates:
        users = [uuid.uuid4() for _ in range(MAX_CONCURRENT + 2)]
        for user in users:
            updates.queue.add(user, URL)
        await updates.until_begun(MAX_CONCURRENT)
        await idle()
        assert [user for user, _ in updates.begun] == users[:MAX_CONCURRENT]
        updates.end(users[1])
        await updates.until_begun(MAX_CONCURRENT + 1)
        await idle()
        assert [user for user, _ in updates.begun] == users[: MAX_CONCURRENT + 1]
        assert updates.count(PictureOutcome.STORED) == 1


async def test_a_user_is_updated_once_at_a_time_and_with_the_last_url() -> None:
    async with running() as updates:
        user, other = uuid.uuid4(), uuid.uuid4()
        updates.queue.add(user, URL)
        await updates.until_begun(1)
        updates.queue.add(user, URL)
        updates.queue.add(user, NEWER)
        updates.queue.add(other, URL)
        await updates.until_begun(2)
        await idle()
        assert updates.begun == [(user, URL), (other, URL)]
        updates.end(user)
        await updates.until_begun(3)
        assert updates.begun[2] == (user, NEWER)


async def test_a_failure_ends_nothing_but_its_update() -> None:
    async with running() as updates:
        user = uuid.uuid4()
        for number in range(1, 2 * MAX_CONCURRENT + 2):
            updates.queue.add(user, URL)
            await updates.until_begun(number)
            updates.end(user, RuntimeError("broken"))
            await idle()
        assert updates.count(PictureOutcome.NOT_STORED) == 2 * MAX_CONCURRENT + 1


async def test_past_the_limit_pictures_are_dropped_and_counted() -> None:
    updates = Updates()
    users = [uuid.uuid4() for _ in range(MAX_WAITING + 1)]
    for user in users:
        updates.queue.add(user, URL)
    assert updates.count(PictureOutcome.DROPPED) == 1
    updates.queue.add(users[0], NEWER)
    assert updates.count(PictureOutcome.DROPPED) == 1, "a user who waits already takes no further room"
