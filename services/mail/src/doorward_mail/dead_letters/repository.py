"""Queries on dead letters."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
import sqlalchemy as sa

from doorward_kit.column_types import utc_now
from doorward_kit.pagination import Position, after


@dataclass(frozen=True, slots=True)
class DeadMail:
    """A dead letter; `last_error` is the failed step with SMTP's codes (`recipient 550 5.1.1`)."""

    id: uuid.UUID
    template: str
    recipient: str | None
    locale: str
    attempts: int
    created_at: datetime
    dead_at: datetime
    last_error: str
    parameters: Mapping[str, Any]


def list_dead(
    connection: sa.Connection, outbox: sa.Table, position: Position | None, count: int
) -> list[DeadMail]:
    """Read up to `count` dead letters after `position`, the newest first."""
    c = outbox.c
    statement = sa.select(
        c.id, c.template, c.recipient, c.locale, c.attempts,
        c.created_at, c.dead_at, c.last_error, c.parameters,
    ).where(c.dead_at.is_not(None))  # fmt: skip
    if position is not None:
        value, tie = datetime.fromisoformat(position.value), uuid.UUID(position.id)
        statement = statement.where(after(c.dead_at, value, c.id, tie, descending=True))
    rows = connection.execute(statement.order_by(c.dead_at.desc(), c.id.desc()).limit(count))
    return [DeadMail(row.id, *row[1:-1], orjson.loads(row.parameters)) for row in rows]


def position_of(mail: DeadMail) -> Position:
    return Position(mail.dead_at.isoformat(), str(mail.id))


def retry(connection: sa.Connection, outbox: sa.Table, mail_id: uuid.UUID) -> bool:
    """Make a dead letter due again, with all its attempts; return whether it existed.

    It no longer expires, because an administrator has asked for it.
    """
    changed = (
        outbox.update()
        .where(outbox.c.id == mail_id, outbox.c.dead_at.is_not(None))
        .values(due_at=utc_now(), dead_at=None, expires_at=None, attempts=0, created_at=utc_now())
    )
    return connection.execute(changed).rowcount == 1


def discard(connection: sa.Connection, outbox: sa.Table, mail_id: uuid.UUID) -> bool:
    """Delete a dead letter; return whether it existed."""
    deleted = outbox.delete().where(outbox.c.id == mail_id, outbox.c.dead_at.is_not(None))
    return connection.execute(deleted).rowcount == 1


def purge(connection: sa.Connection, /, *, outbox: sa.Table, days: int, count: int) -> int:
    """Delete up to `count` letters that have been dead for `days`; return how many."""
    old = sa.select(outbox.c.id).where(outbox.c.dead_at < utc_now(-days * 86_400)).limit(count)
    ids = list(connection.execute(old).scalars())
    if ids:
        connection.execute(outbox.delete().where(outbox.c.id.in_(ids), outbox.c.dead_at.is_not(None)))
    return len(ids)
