"""The rules of event streams: who may open one, what it begins with, and when it ends."""

import asyncio
import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Final, Protocol

import sqlalchemy as sa
import structlog

from doorward_auth.events import repository
from doorward_auth.events.errors import EventStreamsUnavailableError
from doorward_auth.events.event import Event, EventName, expiry_of
from doorward_auth.events.metrics import EventMetrics
from doorward_auth.events.settings import EventSettings
from doorward_auth.events.stream import EventStream, StreamEnd, StreamRegistry
from doorward_auth.sessions import repository as sessions
from doorward_client.errors import UnavailableError
from doorward_client.keys.key_set import Key
from doorward_client.tokens import Claims
from doorward_identity.resources import IdentityResources

log = structlog.get_logger(__name__)

CHECK_SECONDS: Final = 0.5
"""How often each stream is checked: with a poll of the revocation list, less than the two seconds."""

MAX_WARNING_SECONDS: Final = 60.0
"""`token.expiring` comes this long before the expiry, and not before the last fifth of the lifetime."""

_LAST_READ_SECONDS: Final = 0.5


class StateSource(Protocol):
    """A feature that has a part in the event `state`."""

    def read_state(self, connection: sa.Connection, caller: Claims) -> Mapping[str, object]:
        """Return further members of the event's data, under names of the feature: JSON values and times."""


class EventService:
    """Opens event streams and ends them with their access tokens."""

    def __init__(
        self, resources: IdentityResources, settings: EventSettings, sources: Sequence[StateSource] = ()
    ) -> None:
        self._resources = resources
        self._keys = resources.verification.keys
        self._verification_keys = self._keys.verification_keys
        self._settings = settings
        self._sources = list(sources)
        self._metrics = EventMetrics(resources.metrics.registry, streams=lambda: len(self.streams))
        self.streams: Final = StreamRegistry(
            self._metrics,
            max_streams=settings.events_max_streams,
            max_per_session=settings.events_max_streams_per_session,
            max_per_user=settings.events_max_streams_per_user,
        )

    def add_source(self, source: StateSource) -> None:
        """Add a part of the event `state`, before the first stream."""
        self._sources.append(source)

    async def open(self, caller: Claims) -> EventStream:
        """Return a stream whose first event is the state; the caller closes it.

        Raises TooManyEventStreamsError, EventStreamsUnavailableError, and as Database.read does.
        """
        if self._resources.shutdown.is_stopping:
            raise EventStreamsUnavailableError
        stream = EventStream(
            caller,
            self._metrics,
            keepalive_seconds=self._settings.events_keepalive_seconds,
            max_seconds=self._settings.events_max_seconds,
        )
        # Before the state is read: what happens from now on is an event of the stream, perhaps of both.
        self.streams.add(stream)
        try:
            known, state = await self._state(caller)
        except BaseException:
            self.streams.remove(stream)
            raise
        stream.begin(state, known)
        return stream

    def close(self, stream: EventStream) -> None:
        """Forget a stream that has ended, for whatever reason."""
        stream.end(StreamEnd.DISCONNECTED)
        assert stream.end_reason is not None
        self.streams.remove(stream)
        self._metrics.stream_ended(stream.end_reason)
        log.info(
            "events.stream_ended",
            reason=stream.end_reason,
            seconds=round(time.monotonic() - stream.opened_at, 1),
            session_id=str(stream.caller.session_id),
        )

    async def last_event(self, stream: EventStream) -> Event | None:
        """Return the event that tells the client why its stream ends, if there still is a client."""
        if stream.end_reason is StreamEnd.DISCONNECTED:
            return None
        event = Event.of(EventName.BYE)
        if stream.end_reason is StreamEnd.EXPIRED:
            event = Event.of(EventName.TOKEN_EXPIRED)
        elif stream.end_reason is StreamEnd.REVOKED:
            event = await self._revocation_event(stream.caller)
        self._metrics.event_sent(event.name)
        return event

    async def run(self) -> None:
        """Check every stream until cancelled; then end them all."""
        try:
            while True:
                self.check()
                await asyncio.sleep(CHECK_SECONDS)
        finally:
            self.streams.end_all(StreamEnd.SHUTDOWN)

    def check(self) -> None:
        """Warn, keep alive and end the streams for which it is time."""
        if self._resources.shutdown.is_stopping:
            self.streams.end_all(StreamEnd.SHUTDOWN)
        keys = self._keys.verification_keys
        if keys is not self._verification_keys:
            if not _all_still_verify(self._verification_keys, keys):
                # A token that a removed key had signed must not keep its stream.
                self.streams.end_all(StreamEnd.UNVERIFIABLE)
            self._verification_keys = keys
        now, monotonic = time.time(), time.monotonic()
        for stream in self.streams:
            reason = self._end_of(stream, now, monotonic)
            if reason is not None:
                stream.end(reason)
            elif not stream.is_warned and now >= _warning_time(stream.caller):
                stream.is_warned = True
                stream.push(Event.of(EventName.TOKEN_EXPIRING, access_expires_at=expiry_of(stream.caller)))
            elif monotonic >= stream.keepalive_at:
                stream.keep_alive()

    def _end_of(self, stream: EventStream, now: float, monotonic: float) -> StreamEnd | None:
        """Return why a stream must end, or None; revocation first, because its event says most."""
        caller = stream.caller
        try:
            if self._resources.verification.revocations.is_revoked(
                session_id=caller.session_id, user_id=caller.user_id, token_version=caller.token_version
            ):
                return StreamEnd.REVOKED
        except UnavailableError:
            return StreamEnd.UNVERIFIABLE
        if now >= caller.expires_at:
            return StreamEnd.EXPIRED
        return StreamEnd.DURATION if monotonic >= stream.ends_at else None

    async def _state(self, caller: Claims) -> tuple[frozenset[uuid.UUID], Event]:
        """Return the state, and the published events that are older than it."""
        known: frozenset[uuid.UUID] = frozenset()
        state: dict[str, object] = {"session_id": caller.session_id, "access_expires_at": expiry_of(caller)}
        if self._sources:

            def read(connection: sa.Connection) -> tuple[frozenset[uuid.UUID], list[Mapping[str, object]]]:
                # The events first: what is published in between is in the state, and comes once more.
                known = repository.find_ids(connection, caller.user_id)
                return known, [source.read_state(connection, caller) for source in self._sources]

            known, parts = await self._resources.database.read(read)
            for part in parts:
                state |= part
        return known, Event.of(EventName.STATE, **state)

    async def _revocation_event(self, caller: Claims) -> Event:
        """Return whether the session has ended or its tokens alone, as after a change of the role."""
        try:
            async with asyncio.timeout(_LAST_READ_SECONDS):
                is_live = await self._resources.database.read(
                    lambda connection: sessions.is_live(connection, caller.session_id)
                )
        except (UnavailableError, TimeoutError):
            is_live = True  # the client's refresh will tell
        if is_live:
            return Event.of(EventName.TOKEN_REVOKED)
        return Event.of(EventName.SESSION_ENDED, session_id=caller.session_id)


def _all_still_verify(former: Mapping[str, Key], present: Mapping[str, Key]) -> bool:
    """Return whether every signature that the former keys accept is accepted now."""
    return all(kid in present and present[kid].verifies_like(key) for kid, key in former.items())


def _warning_time(caller: Claims) -> float:
    """Return the Unix time of `token.expiring`."""
    lifetime = caller.expires_at - caller.issued_at
    return caller.expires_at - min(MAX_WARNING_SECONDS, lifetime / 5)
