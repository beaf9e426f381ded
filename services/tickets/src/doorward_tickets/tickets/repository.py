"""Queries on tickets. `visible_author_id` limits them to the tickets of one author; None is no limit."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple

import sqlalchemy as sa

from doorward_kit.column_types import utc_now
from doorward_kit.json_columns import JsonRows
from doorward_kit.pagination import Position
from doorward_kit.word_index import indexed_words, line_of
from doorward_tickets.numbers.repository import take_number
from doorward_tickets.tables import notification_mutes, ticket_search_terms, tickets, user_snapshots
from doorward_tickets.tickets.list_query import ListQuery, QueryShape


class TicketRow(NamedTuple):
    """A ticket with the names of its author and assignee from the user snapshots."""

    id: uuid.UUID
    number: int | None
    subject: str
    status: str
    priority: int
    author_id: uuid.UUID
    author_name: str | None
    author_deleted_at: datetime | None
    assignee_id: uuid.UUID | None
    assignee_name: str | None
    assignee_deleted_at: datetime | None
    reply_count: int
    version: int
    created_at: datetime
    updated_at: datetime


class TicketWithBody(NamedTuple):
    """A ticket with its body, and whether the reader is subscribed to it."""

    ticket: TicketRow
    body: str
    is_subscribed: bool


class LockedTicket(NamedTuple):
    """The columns that decide about a change."""

    id: uuid.UUID
    author_id: uuid.UUID
    assignee_id: uuid.UUID | None
    status: str
    reply_count: int
    version: int


_AUTHORS: Final = user_snapshots.alias("authors")
_ASSIGNEES: Final = user_snapshots.alias("assignees")
_COLUMNS: Final = (
    tickets.c.id,
    tickets.c.number,
    tickets.c.subject,
    tickets.c.status,
    tickets.c.priority,
    tickets.c.author_id,
    _AUTHORS.c.name,
    _AUTHORS.c.deleted_at,
    tickets.c.assignee_id,
    _ASSIGNEES.c.name,
    _ASSIGNEES.c.deleted_at,
    tickets.c.reply_count,
    tickets.c.version,
    tickets.c.created_at,
    tickets.c.updated_at,
)


JSON_ROWS: Final = JsonRows(TicketRow._make, _COLUMNS)


def _with_names(source: sa.FromClause) -> sa.FromClause:
    with_authors = source.outerjoin(_AUTHORS, _AUTHORS.c.id == tickets.c.author_id)
    return with_authors.outerjoin(_ASSIGNEES, _ASSIGNEES.c.id == tickets.c.assignee_id)


def select_rows(source: sa.FromClause) -> "sa.Select[Any]":
    """Return the query for TicketRow; `source` contains `tickets`."""
    return sa.select(*_COLUMNS).select_from(_with_names(source))


SELECT_JSON_ROWS: Final = sa.select(JSON_ROWS.column).select_from(_with_names(tickets))
"""The query for pages, which `JSON_ROWS` reads."""

# Statements of one ticket are built once: building one takes longer than running it.
_IS_TICKET: Final = tickets.c.id == sa.bindparam("ticket_id")
_VISIBLE_AUTHOR: Final = sa.bindparam("visible_author_id", type_=tickets.c.author_id.type)
_IS_VISIBLE: Final = sa.and_(
    _IS_TICKET, sa.or_(_VISIBLE_AUTHOR.is_(None), tickets.c.author_id == _VISIBLE_AUTHOR)
)
# A number, because MariaDB may write EXISTS in JSON as true, 1 or "1".
_MUTES: Final = (
    sa.select(sa.func.count())
    .where(
        notification_mutes.c.ticket_id == tickets.c.id,
        notification_mutes.c.user_id == sa.bindparam("reader_id"),
    )
    .scalar_subquery()
)
_WITH_BODY: Final = JsonRows(
    lambda values: TicketWithBody(TicketRow._make(values[:-2]), values[-2], not values[-1]),
    (*_COLUMNS, tickets.c.body, _MUTES),
)
_FIND: Final = sa.select(_WITH_BODY.column).select_from(_with_names(tickets)).where(_IS_VISIBLE)
_EXISTS: Final = sa.select(tickets.c.id).where(_IS_VISIBLE)
_GET: Final = SELECT_JSON_ROWS.where(_IS_TICKET)
_LOCK: Final = (
    sa.select(
        tickets.c.id,
        tickets.c.author_id,
        tickets.c.assignee_id,
        tickets.c.status,
        tickets.c.reply_count,
        tickets.c.version,
    )
    .where(_IS_VISIBLE)
    .with_for_update()
)
_INSERT: Final = tickets.insert().values(created_at=utc_now(), updated_at=utc_now())
_UPDATE: Final = (
    tickets.update().where(_IS_TICKET).values(version=tickets.c.version + 1, updated_at=utc_now())
)


def list_tickets(
    connection: sa.Connection, query: ListQuery, position: Position | None, count: int
) -> list[TicketRow]:
    """Read up to `count` tickets after `position` from one range of an index; for others see `search`."""
    values = {**query.values(position), "count": count}
    return JSON_ROWS.read(connection.execute(_index_range(query.shape(position)), values))


@lru_cache(maxsize=64)  # there are fewer shapes
def _index_range(shape: QueryShape) -> "sa.Select[str]":
    return shape.ordered(SELECT_JSON_ROWS.where(*shape.conditions)).limit(sa.bindparam("count"))


def find_ticket(
    connection: sa.Connection, ticket_id: uuid.UUID, visible_author_id: uuid.UUID | None, reader_id: uuid.UUID
) -> TicketWithBody | None:
    key = {"ticket_id": ticket_id, "visible_author_id": visible_author_id, "reader_id": reader_id}
    rows = _WITH_BODY.read(connection.execute(_FIND, key))
    return rows[0] if rows else None


def exists(connection: sa.Connection, ticket_id: uuid.UUID, visible_author_id: uuid.UUID | None) -> bool:
    key = {"ticket_id": ticket_id, "visible_author_id": visible_author_id}
    return connection.execute(_EXISTS, key).scalar_one_or_none() is not None


def has_tickets(connection: sa.Connection, author_id: uuid.UUID, *, count: int) -> bool:
    """Return whether a user has `count` tickets or more; reads as many entries of an index."""
    found = sa.select(tickets.c.id).where(tickets.c.author_id == author_id)
    return connection.execute(found.offset(count - 1).limit(1)).scalar_one_or_none() is not None


def lock_ticket(
    connection: sa.Connection, ticket_id: uuid.UUID, visible_author_id: uuid.UUID | None
) -> LockedTicket | None:
    """Read a ticket and lock its row until the commit."""
    key = {"ticket_id": ticket_id, "visible_author_id": visible_author_id}
    row = connection.execute(_LOCK, key).one_or_none()
    return None if row is None else LockedTicket(*row)


def insert_ticket(connection: sa.Connection, values: Mapping[str, Any]) -> TicketWithBody:
    """Store a new ticket with its number and its search terms; return it as its author reads it."""
    words = indexed_words((values["subject"], values["body"]))
    number = take_number(connection, values["id"])
    initial = {"number": number, "reply_count": 0, "version": 1, "search_text": line_of(words)}
    connection.execute(_INSERT, {**values, **initial})
    insert_search_terms(connection, values["id"], words)
    created = find_ticket(connection, values["id"], None, values["author_id"])
    assert created is not None  # inserted above, in this transaction
    return created


def insert_search_terms(connection: sa.Connection, ticket_id: uuid.UUID, words: Sequence[str]) -> None:
    if words:
        connection.execute(
            ticket_search_terms.insert(), [{"word": word, "ticket_id": ticket_id} for word in words]
        )


def update_ticket(connection: sa.Connection, ticket_id: uuid.UUID, changes: Mapping[str, Any]) -> None:
    """Change a locked ticket, and increment its version."""
    connection.execute(_UPDATE, {**changes, "ticket_id": ticket_id})


def get_row(connection: sa.Connection, ticket_id: uuid.UUID) -> TicketRow:
    """Read a ticket that exists."""
    (row,) = JSON_ROWS.read(connection.execute(_GET, {"ticket_id": ticket_id}))
    return row
