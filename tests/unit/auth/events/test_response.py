"""The response of an event stream, and that nothing is left of it."""

import asyncio
from collections.abc import Iterator
from typing import Any, cast

import pytest
from starlette.exceptions import HTTPException
from starlette.types import Message, Scope

from doorward_auth.events.event import Event, EventName
from doorward_auth.events.response import EventStreamResponse
from doorward_auth.events.service import EventService
from doorward_auth.events.stream import EventStream, StreamEnd
from doorward_identity.resources import IdentityResources
from doorward_kit.middleware import STREAM_KEY
from unit.auth.events.test_service import CALLER, SETTINGS


@pytest.fixture
def service() -> Iterator[EventService]:
    resources = IdentityResources(SETTINGS)
    yield EventService(resources, SETTINGS)
    resources.close()


class Connection:
    """A connection as a server gives it to an application."""

    def __init__(self) -> None:
        self.sent: list[Message] = []
        self.has_sent = asyncio.Event()
        self.error: Exception | None = None
        self.other_tasks = asyncio.all_tasks()
        self.incoming: asyncio.Queue[Message | Exception] = asyncio.Queue()
        self.incoming.put_nowait({"type": "http.request", "body": b"", "more_body": False})

    async def receive(self) -> Message:
        message = await self.incoming.get()
        if isinstance(message, Exception):
            raise message
        return message

    async def send(self, message: Message) -> None:
        if self.error is not None:
            raise self.error
        self.sent.append(message)
        if message.get("body"):
            self.has_sent.set()

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent)


async def running(
    service: EventService, connection: Connection
) -> tuple[EventStream, "asyncio.Task[None]", Scope]:
    stream = await service.open(CALLER)
    scope: dict[str, Any] = {"type": "http"}
    response = EventStreamResponse(service, stream)
    task = asyncio.create_task(response(scope, connection.receive, connection.send))
    await connection.has_sent.wait()
    return stream, task, scope


async def assert_nothing_is_left(service: EventService, connection: Connection) -> None:
    await asyncio.sleep(0)
    assert len(service.streams) == 0
    assert asyncio.all_tasks() == connection.other_tasks


async def test_the_head_says_that_the_stream_is_neither_stored_nor_buffered(service: EventService) -> None:
    connection = Connection()
    stream, task, scope = await running(service, connection)
    assert scope[STREAM_KEY] is True
    headers = dict(cast("list[tuple[bytes, bytes]]", connection.sent[0]["headers"]))
    assert headers == {
        b"cache-control": b"no-store",
        b"x-accel-buffering": b"no",
        b"content-type": b"text/event-stream; charset=utf-8",
    }
    stream.end(StreamEnd.SHUTDOWN)
    await task


async def test_events_are_sent_at_once_and_the_last_one_completes_the_response(service: EventService) -> None:
    connection = Connection()
    stream, task, _scope = await running(service, connection)
    event = Event.of(EventName.TOKEN_REFRESHED, provider="theapi")
    stream.push(event)
    for _ in range(3):
        await asyncio.sleep(0)
    assert connection.sent[-1] == {"type": "http.response.body", "body": event.frame, "more_body": True}
    stream.end(StreamEnd.EXPIRED)
    await task
    assert connection.body.endswith(b"event: token.expired\ndata: {}\n\n")
    assert not connection.sent[-1].get("more_body")
    await assert_nothing_is_left(service, connection)


@pytest.mark.parametrize("message", [{"type": "http.disconnect"}, HTTPException(413)])
async def test_a_client_that_leaves_or_sends_too_much_ends_the_stream(
    service: EventService, message: Message | Exception
) -> None:
    connection = Connection()
    stream, task, _scope = await running(service, connection)
    connection.incoming.put_nowait(message)
    await task
    assert stream.end_reason is StreamEnd.DISCONNECTED
    assert connection.body.count(b"event: ") == 1
    await assert_nothing_is_left(service, connection)


@pytest.mark.parametrize("is_cancelled", [True, False])
async def test_a_response_that_fails_leaves_nothing(service: EventService, *, is_cancelled: bool) -> None:
    connection = Connection()
    stream, task, _scope = await running(service, connection)
    if is_cancelled:
        task.cancel()
    else:
        connection.error = OSError("the connection broke")
        stream.push(Event.of(EventName.BYE))
    results = await asyncio.gather(task, return_exceptions=True)
    assert isinstance(results[0], BaseException)
    await assert_nothing_is_left(service, connection)
