"""Queries on tickets. `reader` is the author whose tickets alone are there, None for an administrator."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple

import sqlalchemy as sa

from doorward_kit.column_types import utc_now
from doorward_kit.json_columns import JsonRows
from doorward_kit.pagination import Position
from doorward_kit.word_index import indexed_words, line_of
from doorward_tickets.tables import notification_mutes, ticket_search_terms, tickets, user_snapshots
from doorward_tickets.tickets.list_query import Listing, Shape


class TicketRow(NamedTuple):
    """A ticket as it is shown; ids are UUIDs' 16 bytes, names as they were last heard."""

    id: uuid.UUID
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


class TicketText(NamedTuple):
    """A ticket with its text, and whether whoever reads it has muted it."""

    ticket: TicketRow
    body: str
    is_muted: bool


class LockedTicket(NamedTuple):
    """What a change of a ticket goes by."""

    id: uuid.UUID
    author_id: uuid.UUID
    assignee_id: uuid.UUID | None
    status: str
    reply_count: int
    version: int


_AUTHORS: Final = user_snapshots.alias("authors")
_ASSIGNEES: Final = user_snapshots.alias("assignees")
_SHOWN: Final = (
    tickets.c.id,
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


ROWS: Final = JsonRows(TicketRow._make, _SHOWN)


def _beside_people(source: sa.FromClause) -> sa.FromClause:
    beside_authors = source.outerjoin(_AUTHORS, _AUTHORS.c.id == tickets.c.author_id)
    return beside_authors.outerjoin(_ASSIGNEES, _ASSIGNEES.c.id == tickets.c.assignee_id)


def select_shown(source: sa.FromClause) -> "sa.Select[Any]":
    """Build the query for tickets as they are shown: from what joins `tickets`, beside people's names."""
    return sa.select(*_SHOWN).select_from(_beside_people(source))


SELECT_ROWS: Final = sa.select(ROWS.column).select_from(_beside_people(tickets))
"""The same for a page that an index has in order, to be read by `ROWS`."""

_SELECT: Final = select_shown(tickets)
_SELECT_WITH_TEXT: Final = _SELECT.add_columns(tickets.c.body)
_LOCK: Final = sa.select(
    tickets.c.id,
    tickets.c.author_id,
    tickets.c.assignee_id,
    tickets.c.status,
    tickets.c.reply_count,
    tickets.c.version,
).with_for_update()


def list_tickets(
    connection: sa.Connection, listing: Listing, position: Position | None, count: int
) -> list[TicketRow]:
    """Read up to `count` tickets behind `position`, in order, by one range of an index: see `search`."""
    values = {**listing.values(position), "count": count}
    return ROWS.read(connection.execute(_range(listing.shape(position)), values))


@lru_cache(maxsize=64)  # there are fewer shapes
def _range(shape: Shape) -> "sa.Select[str]":
    return shape.ordered(SELECT_ROWS.where(*shape.conditions)).limit(sa.bindparam("count"))


def find_ticket(
    connection: sa.Connection, ticket_id: uuid.UUID, reader: uuid.UUID | None, user_id: uuid.UUID
) -> TicketText | None:
    """Read a ticket and its text, and whether this person has muted it."""
    mine = sa.and_(notification_mutes.c.ticket_id == tickets.c.id, notification_mutes.c.user_id == user_id)
    is_muted = sa.exists().where(mine).label("is_muted")
    found = _SELECT_WITH_TEXT.add_columns(is_muted).where(tickets.c.id == ticket_id, *_seen_by(reader))
    row = connection.execute(found).one_or_none()
    return None if row is None else TicketText(TicketRow._make(row[:-2]), row[-2], bool(row[-1]))


def is_there(connection: sa.Connection, ticket_id: uuid.UUID, reader: uuid.UUID | None) -> bool:
    """Tell whether there is such a ticket."""
    found = sa.select(tickets.c.id).where(tickets.c.id == ticket_id, *_seen_by(reader))
    return connection.execute(found).scalar_one_or_none() is not None


def lock_ticket(
    connection: sa.Connection, ticket_id: uuid.UUID, reader: uuid.UUID | None
) -> LockedTicket | None:
    """Read a ticket and keep others from changing it until the commit."""
    row = connection.execute(_LOCK.where(tickets.c.id == ticket_id, *_seen_by(reader))).one_or_none()
    return None if row is None else LockedTicket(*row)


def insert_ticket(connection: sa.Connection, values: Mapping[str, Any]) -> TicketText:
    """Store a new ticket and what it is found by; return it and its text."""
    words = indexed_words((values["subject"], values["body"]))
    fresh = {"reply_count": 0, "version": 1, "created_at": utc_now(), "updated_at": utc_now()}
    connection.execute(tickets.insert().values({**values, **fresh, "search_text": line_of(words)}))
    if words:
        connection.execute(
            ticket_search_terms.insert(), [{"word": word, "ticket_id": values["id"]} for word in words]
        )
    found = find_ticket(connection, values["id"], None, values["author_id"])
    assert found is not None  # inserted above, in this transaction
    return found


def update_ticket(connection: sa.Connection, ticket_id: uuid.UUID, changes: Mapping[str, Any]) -> None:
    """Change a locked ticket and give it its next version."""
    values = {**changes, "version": tickets.c.version + 1, "updated_at": utc_now()}
    connection.execute(tickets.update().where(tickets.c.id == ticket_id).values(values))


def shown(connection: sa.Connection, ticket_id: uuid.UUID) -> TicketRow:
    """Read a locked ticket as it is shown."""
    return TicketRow._make(connection.execute(_SELECT.where(tickets.c.id == ticket_id)).one())


def _seen_by(reader: uuid.UUID | None) -> list[sa.ColumnElement[bool]]:
    return [] if reader is None else [tickets.c.author_id == reader]
