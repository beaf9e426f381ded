"""How other features publish events, and how a process gets those of all processes."""

import asyncio
import uuid
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import sqlalchemy as sa
import structlog

from doorward_auth.events import repository
from doorward_auth.events.event import MAX_DATA_BYTES, Event
from doorward_auth.events.stream import StreamRegistry
from doorward_kit.unit_of_work import Database

log = structlog.get_logger(__name__)

POLL_SECONDS: Final = 1.0


class EventPublisher:
    """Stores events in the transaction of what they tell, and delivers those of every process.

    The database is the exchange, so an event is published if and only if its transaction commits. A process
    polls while it has a stream. A stream gets an event at most once, and none that its state is newer than.
    """

    def __init__(self, database: Database, streams: StreamRegistry, *, transaction_seconds: float) -> None:
        self._database = database
        self._streams = streams
        self._overlap = timedelta(seconds=transaction_seconds)
        self._read_at: datetime | None = None
        self._seen: frozenset[uuid.UUID] = frozenset()
        self._woken = asyncio.Event()

    def publish(
        self, connection: sa.Connection, *, user_id: uuid.UUID, session_id: uuid.UUID | None, event: Event
    ) -> None:
        """Publish an event to a session, or without one to all sessions of a user.

        Call `wake` after the commit. Raises ValueError for data that are too long.
        """
        if len(event.data) > MAX_DATA_BYTES:
            raise ValueError(f"the data of {event.name} are longer than {MAX_DATA_BYTES} bytes")
        repository.add(connection, user_id, session_id, event)

    def wake(self) -> None:
        """Deliver now what was published: otherwise this process's streams get it within a second."""
        self._woken.set()

    async def run(self) -> None:
        """Poll until cancelled, while there is a stream; after a failed poll the next one reads more."""
        while True:
            if not len(self._streams):
                self._read_at = None  # the streams of later begin with the state, and skip what is older
                await self._streams.wait_for_stream()
            try:
                await self.poll()
            except Exception as error:  # noqa: BLE001 - whatever the error, the next poll may succeed
                log.warning("events.poll_failed", error=repr(error))
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_SECONDS):
                    await self._woken.wait()
            self._woken.clear()

    async def poll(self) -> None:
        """Deliver what was published since the last poll; raises as Database.read does."""
        work = partial(repository.read_since, since=self._read_at, overlap=self._overlap)
        recent = await self._database.read(work)
        seen, self._seen = self._seen, frozenset(published.id for published in recent.events)
        self._read_at = recent.read_at
        for published in recent.events:
            if published.id not in seen:
                self._streams.deliver(published)
