"""Queries that bring the search terms of stored tickets up to date, a batch in a transaction.

The position is the id of the last finished ticket: ids are UUIDv7, so it moves on in the order of creation.
It stays behind by a margin, because transactions commit in another order, and it never stops: during an
upgrade the previous release still stores tickets with the words of its own index.
"""

import uuid
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, Final, NamedTuple

import sqlalchemy as sa

from doorward_kit.word_index import INDEX_VERSION, indexed_words, line_of, words_of_line
from doorward_tickets.tables import feed_cursors, ticket_search_terms, tickets
from doorward_tickets.tickets.repository import insert_search_terms

BATCH_SIZE: Final = 20
"""Tickets in a transaction, of up to 256 words each."""

_POSITION: Final = f"search_index_{INDEX_VERSION}"
_START: Final = uuid.UUID(int=0)


class IndexedBatch(NamedTuple):
    """How many tickets a transaction has read, and how many of them had another index."""

    read: int
    changed: int


class _Change(NamedTuple):
    ticket_id: uuid.UUID
    words: list[str]


def is_behind(connection: sa.Connection, *, until: datetime) -> bool:
    """Return whether a ticket created before `until` follows the position; reads one key."""
    found = connection.execute(_position()).scalar_one_or_none()
    return connection.execute(_next_tickets(found, until, tickets.c.id).limit(1)).first() is not None


def update_batch(connection: sa.Connection, *, until: datetime) -> IndexedBatch:
    """Index the next tickets created before `until`, in a transaction.

    The locked position makes other replicas wait. Subject and body never change, so they are read without a
    lock. The rows of tickets to change are locked, because a deletion reads their words.
    """
    found = connection.execute(_position().with_for_update()).scalar_one_or_none()
    columns = tickets.c.id, tickets.c.subject, tickets.c.body, tickets.c.search_text
    rows = connection.execute(_next_tickets(found, until, *columns).limit(BATCH_SIZE)).all()
    if not rows:
        return IndexedBatch(0, 0)
    changes = list(_changes(rows))
    for change in changes:
        _update(connection, change)
    _store_position(connection, is_first=found is None, ticket_id=rows[-1].id)
    return IndexedBatch(len(rows), len(changes))


def _position() -> "sa.Select[str]":
    return sa.select(feed_cursors.c.cursor).where(feed_cursors.c.name == _POSITION)


def _next_tickets(position: str | None, until: datetime, *columns: sa.Column[Any]) -> "sa.Select[Any]":
    after = _START if position is None else uuid.UUID(hex=position)
    before = uuid.UUID(int=int(until.timestamp() * 1000) << 80)  # RFC 9562 section 5.7
    found = sa.select(*columns).where(tickets.c.id > after, tickets.c.id < before)
    return found.order_by(tickets.c.id)


def _changes(rows: Iterable[Any]) -> Iterator[_Change]:
    for row in rows:
        words = indexed_words((row.subject, row.body))
        if line_of(words) != row.search_text:
            yield _Change(row.id, words)


def _update(connection: sa.Connection, change: _Change) -> None:
    """Replace the terms of a ticket that still exists; neither its version nor its time changes."""
    row = tickets.c.id == change.ticket_id
    line = connection.execute(sa.select(tickets.c.search_text).where(row).with_for_update()).scalar()
    if line is None:
        return
    before, after = set(words_of_line(line)), set(change.words)
    terms = ticket_search_terms
    if removed := sorted(before - after):
        connection.execute(
            terms.delete().where(terms.c.word.in_(removed), terms.c.ticket_id == change.ticket_id)
        )
    insert_search_terms(connection, change.ticket_id, sorted(after - before))
    connection.execute(tickets.update().where(row).values(search_text=line_of(change.words)))


def _store_position(connection: sa.Connection, *, is_first: bool, ticket_id: uuid.UUID) -> None:
    if is_first:
        connection.execute(feed_cursors.insert().values(name=_POSITION, cursor=ticket_id.hex))
    else:
        position = feed_cursors.c.name == _POSITION
        connection.execute(feed_cursors.update().where(position).values(cursor=ticket_id.hex))
