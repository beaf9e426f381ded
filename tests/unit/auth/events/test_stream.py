"""A client's queue of events, and the limits of streams."""

import asyncio
import itertools
import re
import time
import uuid

import pytest
from prometheus_client import CollectorRegistry

from doorward_auth.events.errors import EventStreamsUnavailableError, TooManyEventStreamsError
from doorward_auth.events.event import KEEPALIVE, Event, EventName, PublishedEvent
from doorward_auth.events.metrics import EventMetrics
from doorward_auth.events.stream import QUEUE_LENGTH, EventStream, StreamEnd, StreamRegistry
from doorward_client.tokens import Claims
from support.claims import claims_of

STATE = Event.of(EventName.STATE)


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def metrics(registry: CollectorRegistry) -> EventMetrics:
    return EventMetrics(registry, streams=lambda: 0)


def stream_of(metrics: EventMetrics, claims: Claims | None = None) -> EventStream:
    return EventStream(claims or claims_of(), metrics, keepalive_seconds=15, max_seconds=60)


def registry_of(
    metrics: EventMetrics, *, most: int = 100, per_session: int = 4, per_user: int = 40
) -> StreamRegistry:
    return StreamRegistry(metrics, max_streams=most, max_per_session=per_session, max_per_user=per_user)


def numbered(number: int) -> Event:
    return Event.of(EventName.TOKEN_REFRESHED, number=number)


async def test_the_state_comes_first_with_a_pause_for_reconnects_of_its_own(metrics: EventMetrics) -> None:
    pauses = set()
    for _ in range(20):
        stream = stream_of(metrics)
        stream.push(numbered(1))  # published while the state was read
        stream.begin(STATE)
        chunk = await stream.next_chunk()
        assert chunk is not None
        retry, _, events = chunk.partition(b"\n")
        name, pause = retry.split(b": ")
        assert name == b"retry"
        assert 2_000 <= int(pause) <= 4_000
        pauses.add(pause)
        assert events == STATE.frame + numbered(1).frame
    assert len(pauses) > 1


async def test_of_too_many_events_the_oldest_are_dropped_and_counted(
    registry: CollectorRegistry, metrics: EventMetrics
) -> None:
    stream = stream_of(metrics)
    for number in range(QUEUE_LENGTH + 3):
        stream.push(numbered(number))
    expected = b"".join(numbered(number).frame for number in range(3, QUEUE_LENGTH + 3))
    assert await stream.next_chunk() == expected
    assert registry.get_sample_value("doorward_events_dropped_total") == 3
    sent = registry.get_sample_value("doorward_events_sent_total", {"event": "token.refreshed"})
    assert sent == QUEUE_LENGTH


async def test_a_stream_ends_after_the_events_before_its_end(metrics: EventMetrics) -> None:
    stream = stream_of(metrics)
    waiting = asyncio.create_task(stream.next_chunk())
    await asyncio.sleep(0)
    stream.push(numbered(1))
    stream.end(StreamEnd.REVOKED)
    stream.end(StreamEnd.DISCONNECTED)
    assert await waiting == numbered(1).frame
    assert await stream.next_chunk() is None
    assert stream.end_reason is StreamEnd.REVOKED


async def test_a_silent_stream_sends_a_comment_and_an_event_postpones_the_next(
    metrics: EventMetrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1_000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    stream = stream_of(metrics)
    assert stream.keepalive_at == 1_015
    now = 1_010.0
    stream.push(numbered(1))
    assert await stream.next_chunk() == numbered(1).frame
    assert stream.keepalive_at == 1_025
    waiting = asyncio.create_task(stream.next_chunk())
    await asyncio.sleep(0)
    stream.keep_alive()
    assert await waiting == KEEPALIVE


def test_a_session_and_the_process_have_limits_that_closed_streams_give_back(
    registry: CollectorRegistry, metrics: EventMetrics
) -> None:
    streams = registry_of(metrics, most=3, per_session=2)
    user_id, session_id = uuid.uuid4(), uuid.uuid4()
    opened = [stream_of(metrics, claims_of(user_id, session_id)) for _ in range(3)]
    streams.add(opened[0])
    streams.add(opened[1])
    with pytest.raises(TooManyEventStreamsError):
        streams.add(opened[2])
    streams.add(stream_of(metrics, claims_of(user_id)))  # another session of the user
    with pytest.raises(EventStreamsUnavailableError):
        streams.add(stream_of(metrics))
    assert len(streams) == len(list(streams)) == 3
    streams.remove(opened[0])
    streams.add(opened[2])
    for limit in ("session", "process"):
        assert registry.get_sample_value("doorward_event_streams_refused_total", {"limit": limit}) == 1


def test_a_user_with_many_sessions_has_a_limit_of_all_streams(
    registry: CollectorRegistry, metrics: EventMetrics
) -> None:
    streams, user_id = registry_of(metrics, per_user=3), uuid.uuid4()
    opened = [stream_of(metrics, claims_of(user_id)) for _ in range(4)]
    for stream in opened[:3]:
        streams.add(stream)
    with pytest.raises(TooManyEventStreamsError):
        streams.add(opened[3])
    assert registry.get_sample_value("doorward_event_streams_refused_total", {"limit": "user"}) == 1
    streams.add(stream_of(metrics))  # another user
    streams.remove(opened[0])
    streams.add(opened[3])


async def test_a_process_without_streams_waits_for_the_first(metrics: EventMetrics) -> None:
    streams, stream = registry_of(metrics), stream_of(metrics)
    for _ in range(2):
        waiting = asyncio.create_task(streams.wait_for_stream())
        await asyncio.sleep(0)
        assert not waiting.done()
        streams.add(stream)
        await waiting
        streams.remove(stream)
        assert not list(streams)


async def test_an_event_that_is_older_than_the_state_is_skipped_whenever_it_arrives(
    metrics: EventMetrics,
) -> None:
    """And what came while the state was read follows it, the last ones if there were many."""
    stream = stream_of(metrics)
    events = [PublishedEvent(uuid.uuid4(), uuid.uuid4(), None, numbered(number)) for number in range(20)]
    old, late = events[0], events[19]
    for event in events[:19]:
        stream.deliver(event)
    stream.begin(STATE, frozenset({old.id, events[10].id, late.id}))
    for event in (old, late):
        stream.deliver(event)
    chunk = await stream.next_chunk()
    assert chunk is not None
    assert re.findall(rb'"number":(\d+)', chunk) == [
        b"%d" % number for number in range(3, 19) if number != 10
    ]


@pytest.mark.parametrize("to_session", [True, False])
async def test_an_event_reaches_the_streams_of_its_recipients_alone(
    metrics: EventMetrics, *, to_session: bool
) -> None:
    streams = registry_of(metrics)
    user_id, session_id = uuid.uuid4(), uuid.uuid4()
    own = [stream_of(metrics, claims_of(user_id, session_id)) for _ in range(2)]
    other_session, other_user = stream_of(metrics, claims_of(user_id)), stream_of(metrics)
    everyone = [*own, other_session, other_user]
    for stream in everyone:
        streams.add(stream)
        stream.begin(STATE)
        await stream.next_chunk()
    published = PublishedEvent(uuid.uuid4(), user_id, session_id if to_session else None, numbered(1))
    streams.deliver(published)
    streams.end_all(StreamEnd.SHUTDOWN)
    got = [await stream.next_chunk() is not None for stream in everyone]
    assert got == [True, True, not to_session, False]


def test_an_event_is_one_line_of_data_whatever_it_contains() -> None:
    frames = itertools.chain.from_iterable(
        Event.of(EventName.STATE, text=text).frame.splitlines()
        for text in ("a\nb", "a\r\n\r\nevent: forged", "\u2028", "\ud7ff")
    )
    starts = {line.partition(b":")[0] for line in frames}
    assert starts == {b"event", b"data", b""}
