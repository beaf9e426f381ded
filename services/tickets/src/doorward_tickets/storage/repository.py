"""Queries on the bytes that users store.

A transaction locks a counter after the tickets that it changes, and several counters in the order of their
ids. So no two transactions wait for each other.
"""

import uuid
from collections import Counter
from collections.abc import Iterable
from typing import Final

import sqlalchemy as sa

from doorward_kit.upsert import upsert
from doorward_tickets.tables import user_storage

_ADD: Final = (
    user_storage.update()
    .where(user_storage.c.user_id == sa.bindparam("of_user"), user_storage.c.bytes <= sa.bindparam("most"))
    .values(bytes=user_storage.c.bytes + sa.bindparam("added"))
)


def add_bytes(connection: sa.Connection, user_id: uuid.UUID, count: int, *, limit: int) -> bool:
    """Add to a user's bytes, unless there would be more than `limit`; return whether they were added.

    The check and the addition are one statement, whose row stays locked until the commit.
    """
    if _add_within(connection, user_id, count, limit):
        return True
    # No row yet, or no room: the second try tells which.
    upsert(connection, user_storage, {"user_id": user_id, "bytes": 0}, changed=("user_id",))
    return _add_within(connection, user_id, count, limit)


def _add_within(connection: sa.Connection, user_id: uuid.UUID, count: int, limit: int) -> bool:
    values = {"of_user": user_id, "added": count, "most": limit - count}
    return connection.execute(_ADD, values).rowcount == 1


def give_back(connection: sa.Connection, counted: Iterable[tuple[uuid.UUID, int | None]]) -> None:
    """Subtract the `counted_bytes` of deleted tickets or replies from those of their authors."""
    bytes_by_user: Counter[uuid.UUID] = Counter()
    for author_id, count in counted:
        if count is not None:
            bytes_by_user[author_id] += count
    for user_id in sorted(bytes_by_user):
        row = user_storage.update().where(user_storage.c.user_id == user_id)
        connection.execute(row.values(bytes=user_storage.c.bytes - bytes_by_user[user_id]))
