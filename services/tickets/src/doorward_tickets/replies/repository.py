"""Queries on replies. Their numbers have no gaps, because they are assigned under the ticket's lock."""

import uuid
from collections.abc import Mapping
from typing import Any, Final

import sqlalchemy as sa

from doorward_kit.column_types import utc_now
from doorward_tickets.tables import replies, user_snapshots
from doorward_tickets.tickets.serializers import ReplyRow

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
    connection: sa.Connection, ticket_id: uuid.UUID, *, after: int, until: int | None, count: int
) -> list[ReplyRow]:
    """Read up to `count` replies with numbers above `after`, up to `until`, in order."""
    found = _SELECT.where(replies.c.ticket_id == ticket_id, replies.c.number > after)
    if until is not None:
        found = found.where(replies.c.number <= until)
    rows = connection.execute(found.order_by(replies.c.number).limit(count))
    return [ReplyRow(*row) for row in rows]


def list_latest_replies(
    connection: sa.Connection, ticket_id: uuid.UUID, *, before: int | None, count: int
) -> list[ReplyRow]:
    """Read the last `count` replies with numbers below `before`, the newest first."""
    found = _SELECT.where(replies.c.ticket_id == ticket_id)
    if before is not None:
        found = found.where(replies.c.number < before)
    rows = connection.execute(found.order_by(replies.c.number.desc()).limit(count))
    return [ReplyRow(*row) for row in rows]


def find_reply(connection: sa.Connection, ticket_id: uuid.UUID, number: int) -> ReplyRow | None:
    found = _SELECT.where(replies.c.ticket_id == ticket_id, replies.c.number == number)
    row = connection.execute(found).one_or_none()
    return None if row is None else ReplyRow(*row)


def get_reply(connection: sa.Connection, ticket_id: uuid.UUID, number: int) -> ReplyRow:
    """Read a reply that exists."""
    found = find_reply(connection, ticket_id, number)
    assert found is not None
    return found


def insert_reply(connection: sa.Connection, values: Mapping[str, Any]) -> None:
    """Store a reply to a locked ticket."""
    connection.execute(replies.insert().values({**values, "created_at": utc_now()}))
