"""Revoking access tokens: in the transaction of what ends them, and reading what was revoked."""

import time
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, sqlite

from doorward_common.columns import utc_now
from doorward_common.revocations.changes import Changes
from doorward_common.tokens import MAX_LEEWAY_SECONDS
from doorward_common.unit_of_work import Database
from doorward_identity.tables import revocations

_OVERLAP: Final = timedelta(seconds=10)
"""A row becomes visible when its transaction commits, later than its time says: look back longer
than any transaction takes. What is seen twice does no harm."""

_NOW: Final = utc_now().label("now")


class Kind(StrEnum):
    """What a revocation names."""

    SESSION = "session"
    USER = "user"


def revoke_session(connection: sa.Connection, session_id: bytes, *, token_seconds: int) -> None:
    """Revoke the access tokens of a session; `token_seconds` is their longest lifetime."""
    _upsert(connection, Kind.SESSION, session_id, 0, token_seconds)


def revoke_user(connection: sa.Connection, user_id: bytes, *, epoch: int, token_seconds: int) -> None:
    """Revoke the access tokens of a user that are of an epoch before `epoch`."""
    _upsert(connection, Kind.USER, user_id, epoch, token_seconds)


def _upsert(connection: sa.Connection, kind: Kind, subject_id: bytes, epoch: int, token_seconds: int) -> None:
    expires_at = utc_now(token_seconds + MAX_LEEWAY_SECONDS)
    # The caller holds the lock of what it revokes, so no newer epoch can be overwritten.
    changed = {"epoch": epoch, "revoked_at": utc_now(), "expires_at": expires_at}
    values = {"kind": kind.value, "subject_id": subject_id, **changed}
    if connection.dialect.name == "sqlite":
        connection.execute(
            sqlite.insert(revocations)
            .values(values)
            .on_conflict_do_update(index_elements=["kind", "subject_id"], set_=changed)
        )
    else:
        connection.execute(mysql.insert(revocations).values(values).on_duplicate_key_update(changed))


@dataclass(frozen=True, slots=True)
class Revocation:
    """A live revocation."""

    kind: str
    subject_id: bytes
    epoch: int
    expires_at: datetime


def changes_since(connection: sa.Connection, since: datetime | None) -> tuple[list[Revocation], datetime]:
    """Read the live revocations, or those since a former reading, and the time of this one."""
    now = connection.execute(sa.select(_NOW)).scalar_one()
    statement = sa.select(
        revocations.c.kind, revocations.c.subject_id, revocations.c.epoch, revocations.c.expires_at
    ).where(revocations.c.expires_at > now)
    if since is not None:
        statement = statement.where(revocations.c.revoked_at > since - _OVERLAP)
    return [Revocation(*row) for row in connection.execute(statement)], now


def sweep(connection: sa.Connection, count: int) -> int:
    """Delete up to `count` expired revocations; return how many."""
    expired = (
        sa.select(revocations.c.kind, revocations.c.subject_id)
        .where(revocations.c.expires_at <= utc_now())
        .limit(count)
    )
    keys = [(kind, subject_id) for kind, subject_id in connection.execute(expired)]
    if keys:
        connection.execute(
            revocations.delete().where(
                sa.tuple_(revocations.c.kind, revocations.c.subject_id).in_(keys),
                revocations.c.expires_at <= utc_now(),  # unless it was prolonged in between
            )
        )
    return len(keys)


class DatabaseSource:
    """The list of revocations straight from the identity database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def changes(self, cursor: str | None) -> Changes:
        """Read what changed since; raises as Database.read does."""
        since = None if cursor is None else datetime.fromisoformat(cursor)
        started = time.monotonic()
        found, now = await self._database.read(lambda connection: changes_since(connection, since))
        return Changes(
            sessions={
                uuid.UUID(bytes=one.subject_id): (one.expires_at - now).total_seconds()
                for one in found
                if one.kind == Kind.SESSION
            },
            users={
                uuid.UUID(bytes=one.subject_id): (one.epoch, (one.expires_at - now).total_seconds())
                for one in found
                if one.kind == Kind.USER
            },
            cursor=_cursor(now),
            # No second question for the time: the look took less than this process waited for it.
            read_by=_cursor(now + timedelta(seconds=time.monotonic() - started)),
        )


def _cursor(at: datetime) -> str:
    return at.isoformat(timespec="microseconds")  # so that later ones sort behind
