"""The worker's side of the outbox: it leases mails and records the result of each attempt.

A lease moves `due_at` to its own end, under a new `lease_id`. Every later statement names that id, so a
worker that resumes too late (frozen, stalled) changes nothing. The mails of a worker that crashed are due
again when their lease ends.
"""

import asyncio
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import orjson
import sqlalchemy as sa

from doorward_kit.column_types import utc_now
from doorward_kit.retries import until_available
from doorward_kit.unit_of_work import Database

T = TypeVar("T")
OutboxQuery = Callable[[sa.Connection, sa.Table], T]


@dataclass(frozen=True, slots=True)
class LeasedMail:
    """A mail that this worker may send. `attempts` includes the current one; `age` is in seconds."""

    id: uuid.UUID
    lease_id: uuid.UUID
    template: str
    recipient: str | None
    locale: str
    parameters: Mapping[str, Any]
    attempts: int
    age: float
    is_expired: bool

    def log_fields(self) -> dict[str, object]:
        """Return what the log may say about a mail: no content and no recipient."""
        return {"mail": str(self.id), "template": self.template, "attempts": self.attempts}


class LeaseLostError(Exception):
    """The lease has ended, and another worker may have the mail."""


@dataclass(frozen=True, slots=True)
class OutboxBacklog:
    """Size of an outbox; `oldest` is the age in seconds of the mail that has waited longest."""

    waiting: int
    dead: int
    oldest: float


class OutboxDatabase:
    """An outbox in a database; it uses two connections of the pool at most, however many mails are sent.

    Completions use their own semaphore so they are never queued behind reads: an unrecorded send would be
    repeated after a crash.
    """

    def __init__(self, database: Database, outbox: sa.Table) -> None:
        self._database = database
        self._outbox = outbox
        self._reads = asyncio.Semaphore(1)
        self._completions = asyncio.Semaphore(1)

    async def read(self, query: OutboxQuery[T]) -> T:
        """Read as Database.read does."""
        async with self._reads:
            return await self._database.read(lambda connection: query(connection, self._outbox))

    async def write(self, query: OutboxQuery[T]) -> T:
        """Write in one transaction, as Database.write does."""
        async with self._reads:
            return await self._database.write(lambda connection: query(connection, self._outbox))

    async def write_leased(self, mail: LeasedMail, change: Callable[[sa.Connection], T]) -> T:
        """Run a change in one transaction, under the lock of the mail's row; raises LeaseLostError."""

        def change_locked(connection: sa.Connection, outbox: sa.Table) -> T:
            if not lock(connection, outbox, mail):
                raise LeaseLostError
            return change(connection)

        return await self.write(change_locked)

    async def finish(self, query: OutboxQuery[bool], *, until: float) -> bool | None:
        """Run one statement that ends a lease; return its result, None if the database is unavailable.

        It is retried until the event loop's time is `until`, and runs at least once: a short outage of the
        database must not make a mail that was sent look unsent.
        """

        async def attempt() -> bool:
            async with self._completions:
                return await self._database.execute_single(lambda connection: query(connection, self._outbox))

        return await until_available(attempt, until=until)


def is_any_due(connection: sa.Connection, outbox: sa.Table) -> bool:
    """Check whether a mail is due; reads one entry of an index."""
    due = sa.select(sa.literal(1)).where(outbox.c.due_at <= utc_now()).limit(1)
    return connection.execute(due).scalar() is not None


def lease(
    connection: sa.Connection, outbox: sa.Table, *, count: int, seconds: float, lease_id: uuid.UUID
) -> list[LeasedMail]:
    """Lease up to `count` due mails for `seconds`, in a transaction.

    Workers skip each other's rows (SKIP LOCKED: MariaDB 10.6, MySQL 8); SQLite has one writer.
    """
    c = outbox.c
    due = (
        sa.select(
            c.id, c.template, c.recipient, c.locale, c.parameters, c.attempts,
            c.created_at, c.expires_at, utc_now().label("now"),
        )
        .where(c.due_at <= utc_now())
        .order_by(c.due_at)
        .limit(count)
        .with_for_update(skip_locked=True)
    )  # fmt: skip
    for dialect in ("mysql", "mariadb"):
        # Read in order from the index, the query locks only the rows it returns. With a sort it would lock
        # every due row, and the next worker would find none.
        due = due.with_hint(outbox, f"FORCE INDEX (ix_{outbox.name}_due_at)", dialect)
    rows = connection.execute(due).all()
    if rows:
        connection.execute(
            outbox.update()
            .where(c.id.in_([row.id for row in rows]))
            .values(due_at=utc_now(seconds), lease_id=lease_id, attempts=c.attempts + 1)
        )
    return [
        LeasedMail(
            id=row.id,
            lease_id=lease_id,
            template=row.template,
            recipient=row.recipient,
            locale=row.locale,
            parameters=orjson.loads(row.parameters),
            attempts=row.attempts + 1,
            age=(row.now - row.created_at).total_seconds(),
            is_expired=row.expires_at is not None and row.expires_at <= row.now,
        )
        for row in rows
    ]


def lock(connection: sa.Connection, outbox: sa.Table, mail: LeasedMail) -> bool:
    """Lock the row until the commit; return whether the lease is still this worker's."""
    leased = sa.select(outbox.c.id).where(_has_lease(outbox, mail)).with_for_update()
    return connection.execute(leased).scalar() is not None


def delete_sent(connection: sa.Connection, outbox: sa.Table, mail: LeasedMail) -> bool:
    """Delete a mail that was sent or skipped; return whether the lease was still this worker's."""
    return connection.execute(outbox.delete().where(_has_lease(outbox, mail))).rowcount == 1


def reschedule(
    connection: sa.Connection,
    outbox: sa.Table,
    mail: LeasedMail,
    *,
    seconds: float,
    error: str,
    counts_attempt: bool = True,
) -> bool:
    """Release a mail, due in `seconds`. Without `counts_attempt` this attempt is not counted."""
    changed = (
        outbox.update()
        .where(_has_lease(outbox, mail))
        .values(
            due_at=utc_now(seconds),
            lease_id=None,
            attempts=mail.attempts if counts_attempt else mail.attempts - 1,
            last_error=error,
        )
    )
    return connection.execute(changed).rowcount == 1


def mark_dead(connection: sa.Connection, outbox: sa.Table, mail: LeasedMail, *, error: str) -> bool:
    """Make a mail a dead letter: only an administrator can have it sent again."""
    changed = (
        outbox.update()
        .where(_has_lease(outbox, mail))
        .values(due_at=None, lease_id=None, dead_at=utc_now(), last_error=error)
    )
    return connection.execute(changed).rowcount == 1


def measure(connection: sa.Connection, outbox: sa.Table) -> OutboxBacklog:
    """Count waiting mails and dead letters."""
    waiting_since = sa.func.min(sa.case((outbox.c.dead_at.is_(None), outbox.c.created_at)))
    row = connection.execute(
        sa.select(
            sa.func.count(outbox.c.due_at),
            sa.func.count(outbox.c.dead_at),
            sa.type_coerce(waiting_since, outbox.c.created_at.type),
            utc_now().label("now"),
        )
    ).one()
    waiting, dead, oldest, now = row
    return OutboxBacklog(waiting, dead, 0.0 if oldest is None else max(0.0, (now - oldest).total_seconds()))


def _has_lease(outbox: sa.Table, mail: LeasedMail) -> sa.ColumnElement[bool]:
    return sa.and_(outbox.c.id == mail.id, outbox.c.lease_id == mail.lease_id)
