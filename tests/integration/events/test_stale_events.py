"""A stream gets no event that is older than the state it begins with, after a time without streams either."""

import time
import uuid
from collections.abc import Iterator, Mapping

import pytest
import sqlalchemy as sa

from doorward_auth.events.event import Event, EventName
from doorward_auth.events.publisher import EventPublisher
from doorward_auth.events.service import EventService
from doorward_auth.events.stream import EventStream
from doorward_client.tokens import Claims
from doorward_identity.resources import IdentityResources
from integration.harness.installation import Installation, auth_settings


def caller(user_id: uuid.UUID) -> Claims:
    now = int(time.time())
    return Claims(user_id, uuid.uuid4(), "token", "user", 0, now, now + 300, frozenset())


class Process:
    """The streams and the publisher of a process; `told` is the state, `meanwhile` runs before it is read."""

    def __init__(self, resources: IdentityResources, settings: object) -> None:
        self.told = 0
        self.user_id = uuid.uuid4()
        self.resources = resources
        self.meanwhile: list[int] = []
        self.service = EventService(resources, settings, [self])  # type: ignore[arg-type]  # those of auth
        self.publisher = EventPublisher(resources.database, self.service.streams, transaction_seconds=5)

    def read_state(self, connection: sa.Connection, caller: Claims) -> Mapping[str, object]:  # noqa: ARG002
        for number in self.meanwhile:
            self.publisher.publish(
                connection, user_id=self.user_id, session_id=None, event=numbered_event(number)
            )
        return {"number": self.told}

    async def publish(self, number: int, user_id: uuid.UUID | None = None) -> None:
        def work(connection: sa.Connection) -> None:
            self.publisher.publish(
                connection, user_id=user_id or self.user_id, session_id=None, event=numbered_event(number)
            )

        await self.resources.database.write(work)

    async def open(self) -> EventStream:
        return await self.service.open(caller(self.user_id))

    async def received(self, stream: EventStream) -> list[int]:
        """Poll; return the numbers of the state and of the events that have come since."""
        await self.publisher.poll()
        chunk = await stream.next_chunk() if stream._head or stream._events else b""
        return [int(part.split(b"}")[0]) for part in (chunk or b"").split(b'"number":')[1:]]


def numbered_event(number: int) -> Event:
    return Event.of(EventName.TOKEN_REFRESHED, number=number)


@pytest.fixture
def process(installation: Installation) -> Iterator[Process]:
    settings = auth_settings(installation.database_url)
    resources = IdentityResources(settings)
    yield Process(resources, settings)
    resources.close()


async def test_after_a_time_without_streams(process: Process) -> None:
    await process.publish(1)
    process.told = 1
    stream = await process.open()
    assert await process.received(stream) == [1], "the state alone"
    await process.publish(2)
    assert await process.received(stream) == [2]


async def test_an_event_that_an_older_stream_needs(process: Process) -> None:
    first = await process.open()
    await process.publish(1)
    process.told = 1
    second = await process.open()
    assert await process.received(first) == [0, 1]
    assert await process.received(second) == [1]


async def test_an_event_of_the_time_in_which_the_state_is_read_is_not_lost(process: Process) -> None:
    process.meanwhile = [1]
    read = process.resources.database.read

    async def read_and_commit(work: object) -> object:
        return await process.resources.database.write(work)  # type: ignore[arg-type]  # the same work

    process.resources.database.read = read_and_commit  # type: ignore[method-assign, assignment]
    stream = await process.open()
    process.resources.database.read = read  # type: ignore[method-assign]
    assert await process.received(stream) == [0, 1]


async def test_events_of_others_change_nothing(process: Process) -> None:
    await process.publish(1, uuid.uuid4())
    assert await process.received(await process.open()) == [0]
