"""Queries on published events."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa
import uuid_utils.compat as uuid7s

from doorward_auth.events.event import Event, PublishedEvent
from doorward_identity.tables import client_events
from doorward_kit.column_types import utc_now

RETENTION: Final = timedelta(minutes=1)
"""How long a published event is stored: processes read it within a second or two."""

MOST_READ: Final = 2_000
"""Events in one read. Of more at once the oldest are lost, as a client that reconnects would lose them."""

_NOW: Final = utc_now().label("now")
_ADD: Final = client_events.insert().values(created_at=utc_now())
"""Built once, because building it takes more processor time than executing it."""


@dataclass(frozen=True, slots=True)
class RecentEvents:
    """Events in the order of their publication, and the database's time when they were read."""

    events: list[PublishedEvent]
    read_at: datetime


def add(connection: sa.Connection, user_id: uuid.UUID, session_id: uuid.UUID | None, event: Event) -> None:
    """Store an event for every process to read."""
    connection.execute(
        _ADD,
        {
            "id": uuid7s.uuid7(),
            "user_id": user_id,
            "session_id": session_id,
            "name": event.name,
            "data": event.data.decode("utf-8"),
        },
    )


def read_since(connection: sa.Connection, since: datetime | None, *, overlap: timedelta) -> RecentEvents:
    """Read the events that were published later than `overlap` before a time; None is now.

    An event becomes visible when its transaction commits, later than its `created_at`. With an overlap as
    long as a transaction no event is missed, and the caller skips those that it has read before.
    """
    read_at: datetime = connection.execute(sa.select(_NOW)).scalar_one()
    columns = client_events.c
    rows = connection.execute(
        sa.select(columns.id, columns.user_id, columns.session_id, columns.name, columns.data)
        .where(columns.created_at > (since or read_at) - overlap)
        .order_by(columns.created_at.desc())
        .limit(MOST_READ)
    ).all()
    events = [
        PublishedEvent(event_id, user_id, session_id, Event(name, data.encode("utf-8")))
        for event_id, user_id, session_id, name, data in reversed(rows)
    ]
    return RecentEvents(events, read_at)


def find_ids(connection: sa.Connection, user_id: uuid.UUID) -> frozenset[uuid.UUID]:
    """Read the ids of a user's events that are still stored. A state that is read later is newer."""
    columns = client_events.c
    since = utc_now(-int(RETENTION.total_seconds()))
    mine = sa.select(columns.id).where(columns.created_at > since, columns.user_id == user_id)
    newest = mine.order_by(columns.created_at.desc()).limit(MOST_READ)
    return frozenset(connection.execute(newest).scalars())


def delete_expired(connection: sa.Connection, count: int) -> int:
    """Delete up to `count` events that every process has read; return how many."""
    before = utc_now(-int(RETENTION.total_seconds()))
    expired = sa.select(client_events.c.id).where(client_events.c.created_at < before).limit(count)
    found = connection.execute(expired).scalars().all()
    if found:
        # An event never changes, so the condition need not be repeated.
        connection.execute(client_events.delete().where(client_events.c.id.in_(found)))
    return len(found)
