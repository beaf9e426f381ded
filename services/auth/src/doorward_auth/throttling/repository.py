"""Queries on throttles."""

from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, sqlite

from doorward_auth.throttling.limits import Limit, Subject
from doorward_common.columns import utc_now
from doorward_identity.tables import throttles

_LONGEST: Final = sa.select(sa.func.max(throttles.c.blocked_until), utc_now().label("now"))


def seconds_blocked(connection: sa.Connection, subjects: Sequence[Subject]) -> float:
    """Return how long the one that waits longest has to wait; 0 when nobody has to."""
    keys = [subject.key for subject in subjects]
    until, now = connection.execute(_LONGEST.where(throttles.c.subject.in_(keys))).one()
    return 0.0 if until is None else max(0.0, (until - now).total_seconds())


def strike(connection: sa.Connection, subject: Subject) -> None:
    """Count one more, in one statement: of two at once both count."""
    limit = subject.limit
    row = throttles.c
    count = sa.case((row.forgotten_at <= utc_now(), 1), else_=row.count + 1)
    forgotten_at: sa.ColumnElement[Any] = utc_now(limit.memory)
    if limit.is_budget:
        forgotten_at = sa.case((row.forgotten_at <= utc_now(), forgotten_at), else_=row.forgotten_at)
    first = {
        "subject": subject.key,
        "count": 1,
        "forgotten_at": utc_now(limit.memory),
        "blocked_until": utc_now(_wait(limit, sa.literal(1))),
    }
    # In this order: MariaDB and MySQL assign from left to right, and see what they have assigned.
    changes: list[tuple[str, Any]] = [
        ("blocked_until", _blocked_until(limit, count)),
        ("count", count),
        ("forgotten_at", forgotten_at),
    ]
    if connection.dialect.name == "sqlite":
        added = sqlite.insert(throttles).values(first)
        connection.execute(added.on_conflict_do_update(index_elements=["subject"], set_=dict(changes)))
    else:
        connection.execute(mysql.insert(throttles).values(first).on_duplicate_key_update(changes))


def sweep(connection: sa.Connection, count: int) -> int:
    """Delete up to `count` that are forgotten; return how many."""
    over = sa.select(throttles.c.subject).where(throttles.c.forgotten_at <= utc_now()).limit(count)
    keys = list(connection.execute(over).scalars())
    if keys:
        gone = throttles.delete().where(throttles.c.subject.in_(keys), throttles.c.forgotten_at <= utc_now())
        connection.execute(gone)
    return len(keys)


def _blocked_until(limit: Limit, count: sa.ColumnElement[int]) -> sa.ColumnElement[Any]:
    if not limit.is_budget:
        return utc_now(_wait(limit, count))
    # A budget that is used up comes back with its window's end.
    return sa.case(
        (count < limit.free, utc_now()),
        (throttles.c.forgotten_at <= utc_now(), utc_now(limit.memory)),
        else_=throttles.c.forgotten_at,
    )


def _wait(limit: Limit, count: sa.ColumnElement[int]) -> sa.ColumnElement[int]:
    """Return the seconds to wait after so many failures."""
    if limit.is_budget:
        return sa.case((count < limit.free, 0), else_=limit.memory)
    waits = limit.waits()
    steps = [(count <= limit.free + number, wait) for number, wait in enumerate(waits, 1)]
    return sa.case((count <= limit.free, 0), *steps, else_=limit.longest_wait)
