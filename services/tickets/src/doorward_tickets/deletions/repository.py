"""Queries that delete tickets.

First the ticket's own row goes, and a row of `deleted_tickets` takes its place. Then the cleanup deletes the
replies and search terms in batches. Nothing can be added to them meanwhile: every change of a ticket locks
its row first. With each row its bytes are given back to its author (`user_storage`).
"""

import uuid
from collections.abc import Sequence
from typing import Final, NamedTuple

import sqlalchemy as sa

from doorward_kit.column_types import utc_now
from doorward_kit.word_index import line_of, words_of_line
from doorward_tickets.storage.repository import give_back
from doorward_tickets.tables import (
    deleted_tickets,
    outbox,
    pending_notifications,
    replies,
    ticket_search_terms,
    tickets,
)
from doorward_tickets.tickets.workflow import TicketStatus

TICKET_BATCH_SIZE: Final = 100
"""Tickets in a transaction: a ticket has thirteen index entries and up to 8 KiB of search text."""

_DAY: Final = 86_400


class _DeletedTicket(NamedTuple):
    """A deleted ticket, and the words of its search terms."""

    ticket_id: uuid.UUID
    words: Sequence[str]


def delete_tickets(connection: sa.Connection, ticket_ids: Sequence[uuid.UUID]) -> None:
    """Delete locked tickets with their mutes, pending notifications and unsent mail.

    A mail that the worker is sending at this moment may still arrive.
    """
    leaving = sa.select(tickets.c.id, tickets.c.search_text).where(tickets.c.id.in_(ticket_ids))
    connection.execute(deleted_tickets.insert().from_select(["ticket_id", "search_text"], leaving))
    counted = sa.select(tickets.c.author_id, tickets.c.counted_bytes).where(tickets.c.id.in_(ticket_ids))
    given_back = connection.execute(counted).all()
    _delete_mail(connection, ticket_ids)
    _delete_each(connection, tickets.c.id, ticket_ids)
    give_back(connection, [(author_id, count) for author_id, count in given_back])


def _delete_mail(connection: sa.Connection, ticket_ids: Sequence[uuid.UUID]) -> None:
    """Delete the newest mail of each kind; the worker skips earlier ones as superseded.

    It comes before the pending notifications, which the tickets' deletion removes: the worker locks both in
    this order.
    """
    mails = sa.select(pending_notifications.c.mail_id).where(
        pending_notifications.c.ticket_id.in_(ticket_ids)
    )
    mail_ids = connection.execute(mails).scalars().all()
    if mail_ids:
        connection.execute(outbox.delete().where(outbox.c.id.in_(mail_ids)))


def delete_expired(connection: sa.Connection, /, *, days: int, count: int) -> int:
    """Delete tickets that were closed `days` ago, except locked ones; return how many.

    A closed ticket does not change, so its `updated_at` is the time when it was closed.
    """
    is_expired = (
        tickets.c.status == TicketStatus.CLOSED.value,
        tickets.c.updated_at < utc_now(-days * _DAY),
    )
    oldest = sa.select(tickets.c.id).where(*is_expired).order_by(tickets.c.updated_at)
    found = connection.execute(oldest.limit(min(count, TICKET_BATCH_SIZE))).scalars().all()
    if not found:
        return 0
    # Again, by primary key: only these rows are locked, and a reply may have reopened one since.
    locked = sa.select(tickets.c.id).where(tickets.c.id.in_(found), *is_expired)
    ticket_ids = connection.execute(locked.with_for_update(skip_locked=True)).scalars().all()
    if ticket_ids:
        delete_tickets(connection, ticket_ids)
    return len(ticket_ids)


def purge_remains(connection: sa.Connection, /, *, count: int) -> int:
    """Delete up to `count` replies and search terms of deleted tickets; return how many.

    Each replica locks tickets of its own.
    """
    remains = _lock_remains(connection)
    if not remains:
        return 0
    deleted = _delete_replies(connection, [ticket.ticket_id for ticket in remains], count)
    if deleted < count:
        deleted += _delete_terms(connection, remains, count - deleted)
    return deleted


def _lock_remains(connection: sa.Connection) -> list[_DeletedTicket]:
    found = sa.select(deleted_tickets.c.ticket_id, deleted_tickets.c.search_text)
    rows = connection.execute(found.limit(TICKET_BATCH_SIZE).with_for_update(skip_locked=True))
    return [_DeletedTicket(ticket_id, words_of_line(line)) for ticket_id, line in rows]


def _delete_replies(connection: sa.Connection, ticket_ids: Sequence[uuid.UUID], count: int) -> int:
    key = replies.c.ticket_id, replies.c.number
    columns = *key, replies.c.author_id, replies.c.counted_bytes
    rows = sa.select(*columns).where(replies.c.ticket_id.in_(ticket_ids)).limit(count)
    found = connection.execute(rows).all()
    if found:
        connection.execute(replies.delete().where(sa.tuple_(*key).in_([row[:2] for row in found])))
        give_back(connection, [(author_id, count) for _, _, author_id, count in found])
    return len(found)


def _delete_terms(connection: sa.Connection, remains: Sequence[_DeletedTicket], count: int) -> int:
    """Delete up to `count` search terms of tickets without replies, and the tickets that are finished."""
    left = count
    entries: list[tuple[str, uuid.UUID]] = []
    finished: list[uuid.UUID] = []
    for ticket in remains:
        entries += [(word, ticket.ticket_id) for word in ticket.words[:left]]
        if len(ticket.words) > left:
            rest = line_of(ticket.words[left:])
            row = deleted_tickets.c.ticket_id == ticket.ticket_id
            connection.execute(deleted_tickets.update().where(row).values(search_text=rest))
            left = 0
            break
        left -= len(ticket.words)
        finished.append(ticket.ticket_id)
    if entries:
        key = sa.tuple_(ticket_search_terms.c.word, ticket_search_terms.c.ticket_id)
        connection.execute(ticket_search_terms.delete().where(key.in_(entries)))
    if finished:
        _delete_each(connection, deleted_tickets.c.ticket_id, finished)
    return len(entries)


def _delete_each(
    connection: sa.Connection, key: sa.Column[uuid.UUID], ticket_ids: Sequence[uuid.UUID]
) -> None:
    """Delete rows one by one: for a list MariaDB may scan a small table, and wait for others' locks."""
    statement = key.table.delete().where(key == sa.bindparam("key"))
    connection.execute(statement, [{"key": ticket_id} for ticket_id in ticket_ids])
