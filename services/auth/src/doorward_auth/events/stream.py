"""One client's stream of events, and the streams of a process."""

import asyncio
import time
import uuid
from collections import deque
from collections.abc import Iterator
from enum import StrEnum
from typing import Final

from doorward_auth.events.errors import EventStreamsUnavailableError, TooManyEventStreamsError
from doorward_auth.events.event import KEEPALIVE, Event, PublishedEvent, retry_frame
from doorward_auth.events.metrics import EventMetrics, StreamLimit
from doorward_client.tokens import Claims

QUEUE_LENGTH: Final = 16
"""Events that wait for a client. The oldest is dropped first: a later one says more about the present."""


class StreamEnd(StrEnum):
    """Why a stream ended."""

    EXPIRED = "expired"
    REVOKED = "revoked"
    SHUTDOWN = "shutdown"
    DURATION = "duration"
    """It had lasted for the longest time that a stream may."""
    UNVERIFIABLE = "unverifiable"
    """The keys of access tokens have changed, or the revocation list is stale and the policy is to deny."""
    DISCONNECTED = "disconnected"


class EventStream:
    """The stream of one access token: a short queue, and the times at which something is due.

    `expires_at` is in Unix time, as in the token; the other times are of the monotonic clock.
    """

    __slots__ = (
        "_early",
        "_events",
        "_head",
        "_keepalive_seconds",
        "_known",
        "_metrics",
        "_wake",
        "caller",
        "end_reason",
        "ends_at",
        "is_warned",
        "keepalive_at",
        "opened_at",
    )

    def __init__(
        self, caller: Claims, metrics: EventMetrics, *, keepalive_seconds: float, max_seconds: float
    ) -> None:
        self.caller: Final = caller
        self.end_reason: StreamEnd | None = None
        self.is_warned = False
        self.opened_at: Final = time.monotonic()
        self.ends_at: Final = self.opened_at + max_seconds
        self.keepalive_at = self.opened_at + keepalive_seconds
        self._keepalive_seconds = keepalive_seconds
        self._head = b""
        self._known: frozenset[uuid.UUID] = frozenset()
        self._early: list[PublishedEvent] | None = []
        self._events: deque[Event] = deque(maxlen=QUEUE_LENGTH)
        self._wake = asyncio.Event()
        self._metrics = metrics

    def begin(self, state: Event, known: frozenset[uuid.UUID] = frozenset()) -> None:
        """Put the state before all other events, those included that came while it was read.

        `known` are the published events that were there before the state: they are older than it, and would
        tell the client what was true before.
        """
        self._head = retry_frame() + state.frame
        self._metrics.event_sent(state.name)
        self._known = known
        early, self._early = self._early or [], None
        for published in early:
            self.deliver(published)

    def deliver(self, published: PublishedEvent) -> None:
        """Queue a published event, unless the state was read after it."""
        if self._early is not None:
            self._early = [*self._early[1 - QUEUE_LENGTH :], published]
        elif published.id not in self._known:
            self.push(published.event)

    def push(self, event: Event) -> None:
        """Queue an event; drops the oldest if the client has not read the last ones."""
        if len(self._events) == QUEUE_LENGTH:
            self._metrics.event_dropped()
        self._events.append(event)
        self._wake.set()

    def keep_alive(self) -> None:
        """Let the stream send a comment."""
        self._wake.set()

    def end(self, reason: StreamEnd) -> None:
        """End the stream once the queue is sent; the first reason is kept."""
        if self.end_reason is None:
            self.end_reason = reason
            self._wake.set()

    async def next_chunk(self) -> bytes | None:
        """Wait for bytes to send; return None at the end of the stream."""
        if not self._head and not self._events and self.end_reason is None:
            await self._wake.wait()
        self._wake.clear()
        self.keepalive_at = time.monotonic() + self._keepalive_seconds
        events = list(self._events)
        self._events.clear()
        for event in events:
            self._metrics.event_sent(event.name)
        chunk, self._head = self._head + b"".join(event.frame for event in events), b""
        return chunk or (KEEPALIVE if self.end_reason is None else None)


class StreamRegistry:
    """The open streams of a process, by user."""

    def __init__(
        self, metrics: EventMetrics, *, max_streams: int, max_per_session: int, max_per_user: int
    ) -> None:
        self._by_user: dict[uuid.UUID, list[EventStream]] = {}
        self._count = 0
        self._metrics = metrics
        self._max_streams = max_streams
        self._max_per_session = max_per_session
        self._max_per_user = max_per_user
        self._has_stream = asyncio.Event()

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[EventStream]:
        """Return the streams of this moment: they may end while the caller walks through them."""
        return iter([stream for streams in self._by_user.values() for stream in streams])

    def add(self, stream: EventStream) -> None:
        """Raises TooManyEventStreamsError and EventStreamsUnavailableError."""
        of_user = self._by_user.get(stream.caller.user_id, [])
        session_id = stream.caller.session_id
        if sum(other.caller.session_id == session_id for other in of_user) >= self._max_per_session:
            self._metrics.stream_rejected(StreamLimit.SESSION)
            raise TooManyEventStreamsError
        if len(of_user) >= self._max_per_user:
            self._metrics.stream_rejected(StreamLimit.USER)
            raise TooManyEventStreamsError
        if self._count >= self._max_streams:
            self._metrics.stream_rejected(StreamLimit.PROCESS)
            raise EventStreamsUnavailableError
        self._by_user.setdefault(stream.caller.user_id, of_user).append(stream)
        self._count += 1
        self._has_stream.set()

    def remove(self, stream: EventStream) -> None:
        of_user = self._by_user[stream.caller.user_id]
        of_user.remove(stream)
        self._count -= 1
        if not of_user:
            del self._by_user[stream.caller.user_id]
        if not self._count:
            self._has_stream.clear()

    def deliver(self, published: PublishedEvent) -> None:
        """Queue an event at the streams of its recipients, if this process has any."""
        for stream in self._by_user.get(published.user_id, ()):
            if published.session_id in {None, stream.caller.session_id}:
                stream.deliver(published)

    def end_all(self, reason: StreamEnd) -> None:
        for stream in self:
            stream.end(reason)

    async def wait_for_stream(self) -> None:
        """Wait until there is a stream."""
        await self._has_stream.wait()
