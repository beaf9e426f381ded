"""Queries on replies. Their numbers are given under the ticket's lock, without gaps."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

import sqlalchemy as sa

from doorward_kit.column_types import utc_now
from doorward_tickets.tables import replies, user_snapshots

FIRST: Final = 100
"""Replies that come with their ticket; the others are asked for page by page."""


class ReplyRow(NamedTuple):
    """A reply as it is shown."""

    id: uuid.UUID
    number: int
    author_id: uuid.UUID
    author_name: str | None
    author_deleted_at: datetime | None
    body: str
    created_at: datetime


_SELECT: Final = sa.select(
    replies.c.id,
    replies.c.number,
    replies.c.author_id,
    user_snapshots.c.name,
    user_snapshots.c.deleted_at,
    replies.c.body,
    replies.c.created_at,
).select_from(replies.outerjoin(user_snapshots, user_snapshots.c.id == replies.c.author_id))


def list_replies(
    connection: sa.Connection, ticket_id: uuid.UUID, *, behind: int, until: int | None, count: int
) -> list[ReplyRow]:
    """Read up to `count` replies from after number `behind` to number `until`, in order."""
    found = _SELECT.where(replies.c.ticket_id == ticket_id, replies.c.number > behind)
    if until is not None:
        found = found.where(replies.c.number <= until)
    rows = connection.execute(found.order_by(replies.c.number).limit(count))
    return [ReplyRow(*row) for row in rows]


def find_reply(connection: sa.Connection, ticket_id: uuid.UUID, number: int) -> ReplyRow | None:
    """Read one reply."""
    found = _SELECT.where(replies.c.ticket_id == ticket_id, replies.c.number == number)
    row = connection.execute(found).one_or_none()
    return None if row is None else ReplyRow(*row)


def insert_reply(connection: sa.Connection, values: Mapping[str, Any]) -> None:
    """Store a reply to a ticket that is locked."""
    connection.execute(replies.insert().values({**values, "created_at": utc_now()}))
