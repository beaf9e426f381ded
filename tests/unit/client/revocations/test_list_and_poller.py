import asyncio
import time
import uuid
from collections.abc import Mapping

import pytest

from doorward_client.revocations.models import Changes
from doorward_client.revocations.poller import RevocationPoller
from doorward_client.revocations.revocation_list import RevocationList, StalePolicy, StaleRevocationsError
from doorward_kit.metrics import Metrics

SESSION, OTHER, USER = uuid.uuid4(), uuid.uuid4(), uuid.uuid4()


def changes(
    sessions: Mapping[uuid.UUID, float] | None = None,
    users: Mapping[uuid.UUID, tuple[int, float]] | None = None,
) -> Changes:
    return Changes(sessions or {}, users or {}, cursor="now")


def is_revoked(revocations: RevocationList, *, session: uuid.UUID = OTHER, token_version: int = 0) -> bool:
    return revocations.is_revoked(session_id=session, user_id=USER, token_version=token_version)


def test_a_session_and_no_other() -> None:
    revocations = RevocationList()
    revocations.apply(changes({SESSION: 300.0}))
    assert is_revoked(revocations, session=SESSION)
    assert not is_revoked(revocations)


def test_a_users_older_epochs_and_no_newer() -> None:
    revocations = RevocationList()
    revocations.apply(changes(users={USER: (3, 300.0)}))
    assert is_revoked(revocations, token_version=2)
    assert not is_revoked(revocations, token_version=3)


def test_an_older_answer_does_not_take_anything_back() -> None:
    revocations = RevocationList()
    revocations.apply(changes(users={USER: (3, 300.0)}))
    revocations.apply(changes(users={USER: (2, 100.0)}))
    assert is_revoked(revocations, token_version=2)


def test_entries_leave_with_the_last_token_that_they_can_hit(monkeypatch: pytest.MonkeyPatch) -> None:
    revocations = RevocationList()
    revocations.apply(changes({SESSION: 300.0}, {USER: (1, 200.0)}))
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 250)
    revocations.sweep()
    assert len(revocations) == 1
    monkeypatch.setattr(time, "monotonic", lambda: now + 301)
    revocations.sweep()
    assert len(revocations) == 0


def test_a_stale_list_is_believed_or_not_as_settings_say(monkeypatch: pytest.MonkeyPatch) -> None:
    accepting = RevocationList(max_age=10)
    refusing = RevocationList(max_age=10, policy=StalePolicy.DENY)
    with pytest.raises(StaleRevocationsError):
        is_revoked(refusing)  # it was never read
    for revocations in (accepting, refusing):
        revocations.apply(changes())
        assert not is_revoked(revocations)
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 11)
    assert not is_revoked(accepting)
    with pytest.raises(StaleRevocationsError):
        is_revoked(refusing)


def test_a_check_costs_the_same_in_a_long_list() -> None:
    """Two look-ups, whatever the length: the bound is far from a walk through the list."""
    revocations = RevocationList()
    revocations.apply(changes({uuid.uuid4(): 300.0 for _ in range(100_000)}))
    began = time.process_time()
    for _ in range(10_000):
        is_revoked(revocations)
    assert time.process_time() - began < 1.0


class FakeSource:
    def __init__(self) -> None:
        self.cursors: list[str | None] = []
        self.asked: asyncio.Queue[str | None] = asyncio.Queue()
        self.failing = False
        self.is_closed = False

    async def changes(self, cursor: str | None) -> Changes:
        if self.failing:
            raise ConnectionError("down")
        self.cursors.append(cursor)
        self.asked.put_nowait(cursor)
        return Changes({}, {}, cursor=str(len(self.cursors)))

    async def close(self) -> None:
        self.is_closed = True


async def test_the_feed_asks_for_what_is_new_and_from_time_to_time_for_all() -> None:
    source = FakeSource()
    feed = RevocationPoller(RevocationList(), source, Metrics(), interval=60, full_interval=3600)
    for _ in range(3):
        await feed.update()
    assert source.cursors == [None, "1", "2"]
    feed._full_every = 0
    await feed.update()
    assert source.cursors[-1] is None


async def test_a_feed_without_its_source_lets_the_list_age_and_recovers() -> None:
    source = FakeSource()
    revocations = RevocationList()
    feed = RevocationPoller(revocations, source, Metrics(), interval=0.01)
    source.failing = True
    running = asyncio.create_task(feed.run())
    await asyncio.sleep(0.05)
    assert revocations.age() is None
    source.failing = False
    async with asyncio.timeout(30):
        await source.asked.get()
        await source.asked.get()  # so the first answer has been applied
    assert revocations.age() is not None
    running.cancel()


async def test_a_woken_feed_does_not_wait_for_its_interval() -> None:
    source = FakeSource()
    feed = RevocationPoller(RevocationList(), source, Metrics(), interval=3600)
    running = asyncio.create_task(feed.run())
    async with asyncio.timeout(30):
        await source.asked.get()
        feed.wake()
        await source.asked.get()
    running.cancel()


async def test_a_feed_that_ends_closes_its_source() -> None:
    source = FakeSource()
    running = asyncio.create_task(RevocationPoller(RevocationList(), source, Metrics(), interval=3600).run())
    await asyncio.sleep(0.01)
    assert not source.is_closed
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert source.is_closed
