"""Published events reach a process that has streams: once, in order, and with their transaction."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa
from prometheus_client import CollectorRegistry

from doorward_auth.events import repository
from doorward_auth.events.event import MAX_DATA_BYTES, Event, EventName
from doorward_auth.events.metrics import EventMetrics
from doorward_auth.events.publisher import EventPublisher
from doorward_auth.events.stream import EventStream, StreamRegistry
from doorward_identity.tables import client_events
from doorward_kit.metrics import Metrics
from doorward_kit.unit_of_work import Database
from integration.harness.installation import Installation, auth_settings
from support.claims import claims_of


def refreshed(number: int) -> Event:
    return Event.of(EventName.TOKEN_REFRESHED, provider="theapi", number=number)


class Listener:
    """A publisher of its own, as a process has it, with one stream."""

    def __init__(self, database: Database) -> None:
        self.user_id, self.session_id = uuid.uuid4(), uuid.uuid4()
        claims = claims_of(self.user_id, self.session_id)
        metrics = EventMetrics(CollectorRegistry(), streams=lambda: 0)
        self.streams = StreamRegistry(metrics, max_streams=10, max_per_session=10, max_per_user=10)
        self.stream = EventStream(claims, metrics, keepalive_seconds=15, max_seconds=60)
        self.streams.add(self.stream)
        self.stream.begin(Event.of(EventName.STATE))
        self.stream._head = b""
        self.publisher = EventPublisher(database, self.streams, transaction_seconds=5)

    def publish(self, connection: sa.Connection, number: int, **changes: Any) -> None:
        recipient = {"user_id": self.user_id, "session_id": None, **changes}
        self.publisher.publish(connection, event=refreshed(number), **recipient)

    async def received(self) -> list[int]:
        """Poll once; return the numbers of the events that have arrived since."""
        await self.publisher.poll()
        if not self.stream._events:
            return []
        chunk = await self.stream.next_chunk()
        assert chunk is not None
        return [int(line.rpartition(b":")[2].strip(b"}")) for line in chunk.splitlines() if b"data" in line]


@pytest.fixture
def database(installation: Installation) -> Iterator[Database]:
    database = Database(auth_settings(installation.database_url), Metrics(), pool_size=2)
    yield database
    database.dispose()


@pytest.fixture
def listener(database: Database) -> Listener:
    return Listener(database)


async def test_events_arrive_once_and_in_order(listener: Listener, database: Database) -> None:
    def publish_all(connection: sa.Connection) -> None:
        for number in (1, 2, 3):
            listener.publish(connection, number)

    await database.write(publish_all)
    assert await listener.received() == [1, 2, 3]
    assert await listener.received() == []
    await database.write(lambda connection: listener.publish(connection, 4))
    assert await listener.received() == [4]
    assert await listener.received() == []


async def test_an_event_of_a_transaction_that_commits_after_later_ones_is_not_missed(
    listener: Listener, database: Database, installation: Installation, *, is_mariadb: bool
) -> None:
    if not is_mariadb:
        await database.write(lambda connection: listener.publish(connection, 1))
        assert await listener.received() == [1]
        return  # one writer at a time
    with installation.transaction() as slow:
        listener.publish(slow, 1)
        await database.write(lambda connection: listener.publish(connection, 2))
        assert await listener.received() == [2]
    assert await listener.received() == [1]


async def test_an_event_is_published_only_if_its_transaction_commits(
    listener: Listener, database: Database
) -> None:
    def fails(connection: sa.Connection) -> None:
        listener.publish(connection, 1)
        raise LookupError

    with pytest.raises(LookupError):
        await database.write(fails)
    assert await listener.received() == []


async def test_after_a_failed_poll_the_next_one_brings_its_events(
    listener: Listener, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await listener.received() == []
    await database.write(lambda connection: listener.publish(connection, 1))
    with monkeypatch.context() as broken:
        broken.setattr(repository, "read_since", lambda _connection, **_bounds: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            await listener.received()
    assert await listener.received() == [1]


async def test_the_oldest_of_very_many_events_are_lost(
    listener: Listener, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repository, "MOST_READ", 2)
    for number in (1, 2, 3):
        await database.write(partial(listener.publish, number=number))
        await asyncio.sleep(0.002)  # the clock of SQLite counts milliseconds
    assert await listener.received() == [2, 3]


async def test_a_process_polls_while_it_has_a_stream(
    listener: Listener, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("doorward_auth.events.publisher.POLL_SECONDS", 0.01)
    listener.streams.remove(listener.stream)
    polls = counted_polls(monkeypatch)
    async with running(listener.publisher):
        for _ in range(5):
            await asyncio.sleep(0.01)
        assert polls.qsize() == 0
        listener.streams.add(listener.stream)
        await asyncio.wait_for(polls.get(), 60)
        await database.write(lambda connection: listener.publish(connection, 1))
        assert await asyncio.wait_for(listener.stream.next_chunk(), 60) == refreshed(1).frame


async def test_a_process_that_publishes_need_not_wait_for_its_poll(
    listener: Listener, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("doorward_auth.events.publisher.POLL_SECONDS", 3_600)
    polls = counted_polls(monkeypatch)
    async with running(listener.publisher):
        await asyncio.wait_for(polls.get(), 60)
        await database.write(lambda connection: listener.publish(connection, 1))
        listener.publisher.wake()
        assert await asyncio.wait_for(listener.stream.next_chunk(), 60) == refreshed(1).frame


@asynccontextmanager
async def running(publisher: EventPublisher) -> AsyncIterator[None]:
    """Poll during the block."""
    task = asyncio.create_task(publisher.run())
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def counted_polls(monkeypatch: pytest.MonkeyPatch) -> "asyncio.Queue[None]":
    """Return a queue that gets an item after each poll of this process."""
    polls: asyncio.Queue[None] = asyncio.Queue()
    poll = EventPublisher.poll

    async def counted(publisher: EventPublisher) -> None:
        await poll(publisher)
        polls.put_nowait(None)

    monkeypatch.setattr(EventPublisher, "poll", counted)
    return polls


def test_data_that_no_column_holds_are_an_error_at_once(
    listener: Listener, installation: Installation
) -> None:
    with installation.transaction() as connection:
        text = "x" * (MAX_DATA_BYTES - len('{"text":""}'))
        publish = partial(listener.publisher.publish, connection, user_id=uuid.uuid4(), session_id=None)
        publish(event=Event.of(EventName.STATE, text=text))
        with pytest.raises(ValueError, match="longer than 1000 bytes"):
            publish(event=Event.of(EventName.STATE, text=text + "x"))


def test_read_events_are_deleted_after_a_minute(listener: Listener, installation: Installation) -> None:
    with installation.transaction() as connection:
        for number in range(4):
            listener.publish(connection, number)
        old = connection.scalars(sa.select(client_events.c.id).limit(3)).all()
        aged = client_events.update().where(client_events.c.id.in_(old))
        connection.execute(aged.values(created_at=datetime.now(UTC) - timedelta(minutes=2)))
    deleted = []
    for _ in range(3):
        with installation.transaction() as connection:
            deleted.append(repository.delete_expired(connection, 2))
    assert deleted == [2, 1, 0]
    assert len(installation.execute(sa.select(client_events.c.id))) == 1
