"""The feed of deletions: other services learn who is gone, however long they were away.

A deletion is a row, written in the transaction that deletes the account. Its number is given under a
lock that is held until the commit, so numbers become visible in their order and without gaps: whoever
has read up to one has missed nothing before it.
"""

import re
import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import Final, NamedTuple, Self

import sqlalchemy as sa
import uuid_utils.compat as uuid7s

from doorward_identity.tables import deletions
from doorward_kit.column_types import utc_now
from doorward_kit.upsert import upsert

KEPT: Final = timedelta(days=30)
"""How long a deletion stays in the feed: longer than a service is down that is ever started again."""

PAGE: Final = 500
CURSOR_LENGTH: Final = 64

_GATE: Final = 0
"""The row whose lock gives the numbers; it is nobody's deletion and is never swept."""

_CURSOR: Final = re.compile(r"(\d{1,18})-([0-9a-f]{32})")


class Cursor(NamedTuple):
    """The entry that a reader has read up to: its number, and the id that shows it is still the same one."""

    number: int
    id: uuid.UUID

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read what `str` writes; None for anything else."""
        found = _CURSOR.fullmatch(text)
        return None if found is None else cls(int(found[1]), uuid.UUID(hex=found[2]))

    def __str__(self) -> str:
        return f"{self.number}-{self.id.hex}"


class _Entry(NamedTuple):
    number: int
    id: uuid.UUID
    user_id: uuid.UUID | None


class Deletions(NamedTuple):
    """A page of the feed: ids of users, the cursor of the next page, and whether that has something."""

    user_ids: list[uuid.UUID]
    cursor: Cursor | None
    has_more: bool


def record(connection: sa.Connection, user_id: uuid.UUID) -> None:
    """Tell that a user is deleted by the caller's transaction; best as its last statement but the commit."""
    entry = {"id": uuid7s.uuid7(), "deleted_at": utc_now()}
    # Locks the row whether or not it was there: who deletes next waits here for this commit.
    upsert(connection, deletions, {"number": _GATE, "user_id": None, **entry}, changed=("number",))
    newest = connection.execute(sa.select(sa.func.max(deletions.c.number))).scalar_one()
    connection.execute(deletions.insert().values(number=newest + 1, user_id=user_id, **entry))


def read(connection: sa.Connection, after: Cursor | None) -> Deletions | None:
    """Read a page of the feed, from its beginning or behind `after`; None if that entry is not there.

    One range of the primary key.
    """
    columns = deletions.c.number, deletions.c.id, deletions.c.user_id
    first = _GATE if after is None else after.number
    statement = sa.select(*columns).where(deletions.c.number >= first).order_by(deletions.c.number)
    rows = [_Entry(*row) for row in connection.execute(statement.limit(PAGE + 1))]
    if after is not None and not _follows(rows, after):
        return None
    page = rows[:PAGE]
    return Deletions(
        [row.user_id for row in page if row.user_id is not None and row.number > first],
        Cursor(page[-1].number, page[-1].id) if page else None,
        has_more=len(rows) > PAGE,
    )


def sweep(connection: sa.Connection, count: int) -> int:
    """Delete up to `count` deletions that nobody reads any more; return how many.

    The oldest first, and of the old ones the newest stays: until the one behind it is as old, it is
    the cursor of a reader that has missed nothing.
    """
    number = deletions.c.number
    old = sa.select(sa.func.max(number)).where(deletions.c.deleted_at < utc_now(-int(KEPT.total_seconds())))
    last = connection.execute(old).scalar_one()
    if last is None:
        return 0
    found = sa.select(number).where(number > _GATE, number < last).order_by(number).limit(count)
    numbers = list(connection.execute(found).scalars())
    if numbers:
        connection.execute(deletions.delete().where(number.in_(numbers)))
    return len(numbers)


def _follows(rows: Sequence[_Entry], after: Cursor) -> bool:
    """Tell whether a page begins with the entry that was read last, and goes on with the next one."""
    if not rows or (rows[0].number, rows[0].id) != after:
        return False
    return len(rows) == 1 or rows[1].number == after.number + 1
