"""Queries on rate_limits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from doorward_auth.rate_limiting.algorithms import NO_WAIT, Record
from doorward_auth.rate_limiting.limits import Subject
from doorward_identity.tables import rate_limits
from doorward_kit.column_types import utc_now
from doorward_kit.upsert import upsert_all

_NOW: Final = utc_now().label("now")
_RECORDS: Final = sa.select(
    rate_limits.c.key_hash, rate_limits.c.count, rate_limits.c.expires_at, rate_limits.c.blocked_until, _NOW
)
_LOCK: Final = (
    # By primary key, and with a column that no index has: to scan a small table, or an index that has all
    # that is asked for, would be to lock everybody else's rows, and to wait for them.
    sa.select(rate_limits.c.key_hash, rate_limits.c.count)
    .with_for_update()
    .with_hint(rate_limits, "FORCE INDEX (PRIMARY)", "mysql")
    .with_hint(rate_limits, "FORCE INDEX (PRIMARY)", "mariadb")
)


@dataclass(frozen=True, slots=True)
class _Found:
    """What is remembered of some subjects, by their keys."""

    records: Mapping[bytes, Record]
    now: datetime | None
    """By the database's clock; None where nothing is remembered."""

    def waits(self, subjects: Sequence[Subject]) -> list[float]:
        found = (self.records.get(subject.key) for subject in subjects)
        return [self._wait(record) for record in found]

    def counts(self, subjects: Sequence[Subject]) -> list[int]:
        found = (self.records.get(subject.key) for subject in subjects)
        return [0 if record is None or self._is_forgotten(record) else record.count for record in found]

    def _is_forgotten(self, record: Record) -> bool:
        return self.now is None or record.expires_at <= self.now

    def _wait(self, record: Record | None) -> float:
        if record is None or self.now is None:
            return 0.0
        return max(0.0, (record.blocked_until - self.now).total_seconds())


def waits(connection: sa.Connection, subjects: Sequence[Subject]) -> list[float]:
    """Return how many seconds each subject has to wait still."""
    return _find(connection, subjects).waits(subjects)


def counts(connection: sa.Connection, subjects: Sequence[Subject]) -> list[int]:
    """Return what is counted of each subject and not forgotten."""
    return _find(connection, subjects).counts(subjects)


def claim(connection: sa.Connection, subjects: Sequence[Subject], *, counts: bool) -> list[float]:
    """Claim an answer, in a transaction; return what each subject has to wait, and 0 for all who got it.

    Those who claim at once do so one after the other, whether or not it `counts` as one more: under the
    locks of the subjects' rows. Nobody gets an answer while a subject has to wait.
    """
    found = _lock(connection, subjects)
    if counts and not any(found.waits(subjects)) and len(found.records) < len(subjects):
        # A row that is not there cannot be locked, and without a lock many would be the first.
        _put(connection, [_unused(subject) for subject in subjects], replace=False)
        found = _lock(connection, subjects)
    waits = found.waits(subjects)
    if counts and not any(waits):
        assert found.now is not None
        now = found.now
        after = [(one.key, one.limit.after(found.records.get(one.key), now)) for one in subjects]
        _put(connection, [_row(key, record) for key, record in after], replace=True)
    return waits


def delete_expired(connection: sa.Connection, count: int) -> int:
    """Delete up to `count` that are forgotten; return how many. Passes over those in use."""
    over = sa.select(rate_limits.c.key_hash).where(rate_limits.c.expires_at <= utc_now()).limit(count)
    keys = list(connection.execute(over.with_for_update(skip_locked=True)).scalars())
    if keys:
        connection.execute(rate_limits.delete().where(rate_limits.c.key_hash.in_(keys)))
    return len(keys)


def _lock(connection: sa.Connection, subjects: Sequence[Subject]) -> _Found:
    keys = [subject.key for subject in subjects]
    if not connection.execute(_LOCK.where(rate_limits.c.key_hash.in_(keys))).all():
        return _Found({}, None)
    # Read by itself: a statement's clock stands still while it waits for a lock.
    return _find(connection, subjects)


def _find(connection: sa.Connection, subjects: Sequence[Subject]) -> _Found:
    keys = [subject.key for subject in subjects]
    rows = connection.execute(_RECORDS.where(rate_limits.c.key_hash.in_(keys))).all()
    records = {key: Record(*record) for key, *record, _ in rows}
    return _Found(records, rows[0].now if rows else None)


def _put(connection: sa.Connection, rows: Sequence[Mapping[str, Any]], *, replace: bool) -> None:
    """Write rows, in one order for all callers.

    Without `replace`, leave those that are there and lock them.
    """
    in_order = sorted(rows, key=lambda row: row["key_hash"])
    names = ("count", "expires_at", "blocked_until") if replace else ("key_hash",)
    upsert_all(connection, rate_limits, in_order, changed=names)


def _row(key: bytes, record: Record) -> dict[str, Any]:
    return {
        "key_hash": key,
        "count": record.count,
        "expires_at": record.expires_at,
        "blocked_until": record.blocked_until,
    }


def _unused(subject: Subject) -> dict[str, Any]:
    return {
        "key_hash": subject.key,
        "count": 0,
        "expires_at": utc_now(subject.limit.memory),
        "blocked_until": NO_WAIT,
    }
