"""The feed of deleted users, from which other services learn which data to drop.

A deletion is a row, written in the transaction that deletes the account. Its position is assigned under a
lock held until the commit, so positions appear in order and without gaps: a reader that has read up to
one has missed nothing before it.
"""

import re
import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import Final, NamedTuple, Self

import sqlalchemy as sa
import uuid_utils.compat as uuid7s

from doorward_identity.tables import deleted_users
from doorward_kit.column_types import utc_now
from doorward_kit.upsert import upsert

FEED_RETENTION: Final = timedelta(days=30)
"""Longer than the outage of any service that is started again."""

PAGE_SIZE: Final = 500
CURSOR_LENGTH: Final = 64

_LOCK_POSITION: Final = 0
"""Sentinel row: locked to assign consecutive positions; never deleted."""

_CURSOR: Final = re.compile(r"(\d{1,18})-([0-9a-f]{32})")


class FeedCursor(NamedTuple):
    """The entry a reader has read up to. Its id shows that the position is still the same entry."""

    position: int
    id: uuid.UUID

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read what `str` writes; None for any other text."""
        match = _CURSOR.fullmatch(text)
        return None if match is None else cls(int(match[1]), uuid.UUID(hex=match[2]))

    def __str__(self) -> str:
        return f"{self.position}-{self.id.hex}"


class _FeedEntry(NamedTuple):
    position: int
    id: uuid.UUID
    user_id: uuid.UUID | None


class FeedPage(NamedTuple):
    """A page of the feed: ids of users, the cursor of the next page, and whether that page has entries."""

    user_ids: list[uuid.UUID]
    cursor: FeedCursor | None
    has_more: bool


def append(connection: sa.Connection, user_id: uuid.UUID) -> None:
    """Add a user that the caller's transaction deletes; best as its last statement before the commit."""
    entry = {"id": uuid7s.uuid7(), "deleted_at": utc_now()}
    # Locks the sentinel whether or not it existed: the next deletion waits here for this commit.
    upsert(
        connection,
        deleted_users,
        {"position": _LOCK_POSITION, "user_id": None, **entry},
        changed=("position",),
    )
    newest = connection.execute(sa.select(sa.func.max(deleted_users.c.position))).scalar_one()
    connection.execute(deleted_users.insert().values(position=newest + 1, user_id=user_id, **entry))


def read(connection: sa.Connection, after: FeedCursor | None) -> FeedPage | None:
    """Read the page behind `after`, or the first one; None if the feed no longer has that entry.

    One range of the primary key.
    """
    columns = deleted_users.c.position, deleted_users.c.id, deleted_users.c.user_id
    first = _LOCK_POSITION if after is None else after.position
    statement = (
        sa.select(*columns).where(deleted_users.c.position >= first).order_by(deleted_users.c.position)
    )
    rows = [_FeedEntry(*row) for row in connection.execute(statement.limit(PAGE_SIZE + 1))]
    if after is not None and not _is_contiguous(rows, after):
        return None
    page = rows[:PAGE_SIZE]
    return FeedPage(
        [row.user_id for row in page if row.user_id is not None and row.position > first],
        FeedCursor(page[-1].position, page[-1].id) if page else None,
        has_more=len(rows) > PAGE_SIZE,
    )


def delete_expired(connection: sa.Connection, count: int) -> int:
    """Delete up to `count` entries past FEED_RETENTION, the oldest first; return how many.

    The newest of the expired entries stays: until the entry behind it expires too, it is the cursor of a
    reader that has missed nothing.
    """
    position = deleted_users.c.position
    expired_before = utc_now(-int(FEED_RETENTION.total_seconds()))
    newest_expired = sa.select(sa.func.max(position)).where(deleted_users.c.deleted_at < expired_before)
    last = connection.execute(newest_expired).scalar_one()
    if last is None:
        return 0
    expired = sa.select(position).where(position > _LOCK_POSITION, position < last)
    positions = list(connection.execute(expired.order_by(position).limit(count)).scalars())
    if positions:
        connection.execute(deleted_users.delete().where(position.in_(positions)))
    return len(positions)


def _is_contiguous(rows: Sequence[_FeedEntry], after: FeedCursor) -> bool:
    """Tell whether a page starts with the entry read last, directly followed by the next one."""
    if not rows or (rows[0].position, rows[0].id) != after:
        return False
    return len(rows) == 1 or rows[1].position == after.position + 1
