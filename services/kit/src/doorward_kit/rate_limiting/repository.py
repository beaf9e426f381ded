"""The table of a limiter, and its queries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final

import sqlalchemy as sa

from doorward_kit.column_types import TABLE_OPTIONS, UtcDateTime, fixed_bytes, utc_now
from doorward_kit.rate_limiting.limits import NO_WAIT, LimitKey, Record
from doorward_kit.select_by_keys import SelectByKeys
from doorward_kit.upsert import Row, upsert_all, upsert_values

TABLE: Final = "rate_limits"


def rate_limits_table(metadata: sa.MetaData) -> sa.Table:
    """Return the table; migrations.create_rate_limits creates it."""
    return sa.Table(
        TABLE,
        metadata,
        sa.Column("key_hash", fixed_bytes(32), primary_key=True),  # no address is stored in clear
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False, index=True),
        sa.Column("blocked_until", UtcDateTime(), nullable=False),
        **TABLE_OPTIONS,
    )


@dataclass(frozen=True, slots=True)
class Records:
    """The stored states of some keys, by hash, and the database's time; None if nothing is stored."""

    by_hash: Mapping[bytes, Record]
    now: datetime | None

    def remaining_wait(self, key: LimitKey) -> float:
        """Return how many seconds the key must still wait."""
        record = self.by_hash.get(key.hash)
        if record is None or self.now is None:
            return 0.0
        return max(0.0, (record.blocked_until - self.now).total_seconds())

    def attempt_count(self, key: LimitKey) -> int:
        """Return how many attempts are counted."""
        record = self.by_hash.get(key.hash)
        return 0 if record is None or self.now is None or record.expires_at <= self.now else record.count


def find(connection: sa.Connection, table: sa.Table, keys: Sequence[LimitKey]) -> Records:
    """Read what is stored about the keys, without a lock."""
    rows = _stored(table).execute(connection, [key.hash for key in keys]).all()
    return Records(
        {key_hash: Record(*record) for key_hash, *record, _ in rows}, rows[0].now if rows else None
    )


def lock(connection: sa.Connection, table: sa.Table, keys: Sequence[LimitKey]) -> Records:
    """Lock the keys' rows until the commit, those that exist, and read them."""
    if not _locked(table).execute(connection, [key.hash for key in keys]).all():
        return Records({}, None)
    # A statement of its own: a statement's clock stands still while it waits for a lock.
    return find(connection, table, keys)


def lock_all(connection: sa.Connection, table: sa.Table, keys: Sequence[LimitKey]) -> Records:
    """Lock the keys' rows, inserting those that do not exist: a missing row cannot be locked."""
    fresh = [
        {"key_hash": key.hash, "count": 0, "expires_at": utc_now(key.limit.memory), "blocked_until": NO_WAIT}
        for key in keys
    ]
    upsert_all(connection, table, _in_order(fresh), changed=("key_hash",))
    return lock(connection, table, keys)


def record_attempt(
    connection: sa.Connection,
    table: sa.Table,
    keys: Sequence[LimitKey],
    records: Records,
    *,
    is_counted: bool = True,
) -> None:
    """Count one more attempt for each key, or write its row as it was.

    The caller holds the locks of all rows.
    """
    assert records.now is not None
    rows = []
    for key in keys:
        before = records.by_hash[key.hash]
        after = key.limit.after(before, records.now) if is_counted else before
        rows.append(
            {
                "key_hash": key.hash,
                "count": after.count,
                "expires_at": after.expires_at,
                "blocked_until": after.blocked_until,
            }
        )
    upsert_values(connection, table, _in_order(rows), changed=("count", "expires_at", "blocked_until"))


def delete(connection: sa.Connection, table: sa.Table, keys: Sequence[LimitKey]) -> None:
    """Delete what is stored about the keys."""
    hashes = sorted(key.hash for key in keys)
    connection.execute(table.delete().where(table.c.key_hash.in_(hashes)))


def delete_expired(connection: sa.Connection, /, *, table: sa.Table, count: int) -> int:
    """Delete up to `count` expired rows, except locked ones; return how many."""
    expired = sa.select(table.c.key_hash).where(table.c.expires_at <= utc_now()).limit(count)
    hashes = list(connection.execute(expired.with_for_update(skip_locked=True)).scalars())
    if hashes:
        connection.execute(table.delete().where(table.c.key_hash.in_(hashes)))
    return len(hashes)


def _in_order(rows: Sequence[Row]) -> Sequence[Row]:
    """Return rows in one order for all callers: two that lock the same rows must not deadlock."""
    return sorted(rows, key=lambda row: row["key_hash"])


# Built once: building them, of which a login runs four, takes twice as long as running them.
@lru_cache
def _stored(table: sa.Table) -> SelectByKeys:
    c = table.c
    found = sa.select(c.key_hash, c.count, c.expires_at, c.blocked_until, utc_now().label("now"))
    return SelectByKeys(found, c.key_hash)


@lru_cache
def _locked(table: sa.Table) -> SelectByKeys:
    # By primary key, and with a column that no index has: scanning a small table, or a covering index,
    # would lock the rows of other keys, and wait for them.
    found = sa.select(table.c.key_hash, table.c.count).with_for_update()
    for dialect in ("mysql", "mariadb"):
        found = found.with_hint(table, "FORCE INDEX (PRIMARY)", dialect)
    return SelectByKeys(found, table.c.key_hash)
