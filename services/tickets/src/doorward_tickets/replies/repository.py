"""Queries on replies. Their numbers have no gaps, because they are assigned under the ticket's lock."""

import uuid
from collections.abc import Mapping
from typing import Any, Final

import sqlalchemy as sa

from doorward_kit.column_types import utc_now
from doorward_kit.json_columns import JsonRows
from doorward_tickets.tables import replies, user_snapshots
from doorward_tickets.tickets.serializers import ReplyRow

_MOST: Final = 2**31 - 1
"""The highest number that the column holds."""

_JSON_ROWS: Final = JsonRows(
    ReplyRow._make,
    (
        replies.c.id,
        replies.c.number,
        replies.c.author_id,
        user_snapshots.c.name,
        user_snapshots.c.deleted_at,
        replies.c.body,
        replies.c.created_at,
    ),
)

# Built once: building one takes longer than running it.
_LIST: Final = (
    sa.select(_JSON_ROWS.column)
    .select_from(replies.outerjoin(user_snapshots, user_snapshots.c.id == replies.c.author_id))
    .where(
        replies.c.ticket_id == sa.bindparam("ticket_id"),
        replies.c.number.between(sa.bindparam("first"), sa.bindparam("last")),
    )
    .limit(sa.bindparam("count"))
)
_OLDEST_FIRST: Final = _LIST.order_by(replies.c.number)
_NEWEST_FIRST: Final = _LIST.order_by(replies.c.number.desc())
_INSERT: Final = replies.insert().values(created_at=utc_now())


def list_replies(
    connection: sa.Connection, ticket_id: uuid.UUID, *, after: int, until: int | None, count: int
) -> list[ReplyRow]:
    """Read up to `count` replies with numbers above `after`, up to `until`, in order."""
    last = _MOST if until is None else until
    values = {"ticket_id": ticket_id, "first": after + 1, "last": last, "count": count}
    return _JSON_ROWS.read(connection.execute(_OLDEST_FIRST, values))


def list_latest_replies(
    connection: sa.Connection, ticket_id: uuid.UUID, *, before: int | None, count: int
) -> list[ReplyRow]:
    """Read the last `count` replies with numbers below `before`, the newest first."""
    last = _MOST if before is None else before - 1
    values = {"ticket_id": ticket_id, "first": 1, "last": last, "count": count}
    return _JSON_ROWS.read(connection.execute(_NEWEST_FIRST, values))


def find_reply(connection: sa.Connection, ticket_id: uuid.UUID, number: int) -> ReplyRow | None:
    found = list_replies(connection, ticket_id, after=number - 1, until=number, count=1)
    return found[0] if found else None


def get_reply(connection: sa.Connection, ticket_id: uuid.UUID, number: int) -> ReplyRow:
    """Read a reply that exists."""
    found = find_reply(connection, ticket_id, number)
    assert found is not None
    return found


def insert_reply(connection: sa.Connection, values: Mapping[str, Any]) -> None:
    """Store a reply to a locked ticket."""
    connection.execute(_INSERT, values)
