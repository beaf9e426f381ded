"""Queries that number tickets: each number once in the installation, the numbers of deleted tickets too.

The database counts (AUTO_INCREMENT). Concurrent transactions do not wait for each other, and a transaction
that is rolled back leaves a gap.
"""

import uuid
from typing import Final

import sqlalchemy as sa

from doorward_tickets.tables import ticket_numbers, tickets

BATCH_SIZE: Final = 200
"""Tickets in a transaction: few, because requests wait for their locks."""


def take_number(connection: sa.Connection, ticket_id: uuid.UUID) -> int:
    """Return the number of a ticket that has none yet."""
    key = connection.execute(ticket_numbers.insert(), {"ticket_id": ticket_id}).inserted_primary_key
    assert key is not None  # one row was inserted
    return int(key.number)


def assign_number(connection: sa.Connection, ticket_id: uuid.UUID) -> int:
    """Number a stored ticket of a release without numbers; neither its version nor its time changes."""
    number = take_number(connection, ticket_id)
    connection.execute(tickets.update().where(tickets.c.id == ticket_id).values(number=number))
    return number


def is_any_unnumbered(connection: sa.Connection) -> bool:
    """Return whether a ticket has no number; reads one entry of an index."""
    return connection.execute(_unnumbered().limit(1)).first() is not None


def number_batch(connection: sa.Connection) -> int:
    """Number the oldest tickets without a number, in a transaction; return how many.

    Tickets that are locked, by a request or by another replica, are left to a later batch.
    """
    found = _unnumbered().order_by(tickets.c.id).limit(BATCH_SIZE).with_for_update(skip_locked=True)
    ids = connection.execute(found).scalars().all()
    for ticket_id in ids:
        assign_number(connection, ticket_id)
    return len(ids)


def _unnumbered() -> "sa.Select[uuid.UUID]":
    return sa.select(tickets.c.id).where(tickets.c.number.is_(None))
