"""Queries on sessions."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from doorward_common.columns import UtcDateTime, utc_now
from doorward_identity.accounts import SessionEnd
from doorward_identity.tables import sessions

USER_AGENT_LENGTH = 255

_NOW = sa.type_coerce(utc_now(), UtcDateTime).label("now")


@dataclass(frozen=True, slots=True)
class Device:
    """Where a login came from, for the person to recognise it."""

    user_agent: str
    address: str


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A session as a refresh sees it; `now` is the database's clock."""

    id: bytes
    user_id: bytes
    current_hash: bytes
    previous_hash: bytes | None
    rotated_at: datetime | None
    idle_expires_at: datetime
    absolute_expires_at: datetime
    ended_at: datetime | None
    now: datetime


_LOCKED = (
    sa.select(
        sessions.c.id,
        sessions.c.user_id,
        sessions.c.current_hash,
        sessions.c.previous_hash,
        sessions.c.rotated_at,
        sessions.c.idle_expires_at,
        sessions.c.absolute_expires_at,
        sessions.c.ended_at,
        _NOW,
    )
    .where(sessions.c.id == sa.bindparam("session_id"))
    .with_for_update()
)


def read_clock(connection: sa.Connection) -> datetime:
    """Read the database's clock."""
    return connection.execute(sa.select(_NOW)).scalar_one()


def insert_session(  # noqa: PLR0913 - the columns of one row
    connection: sa.Connection,
    *,
    session_id: bytes,
    user_id: bytes,
    token_hash: bytes,
    device: Device,
    idle: timedelta,
    absolute: timedelta,
) -> None:
    """Store a new session."""
    now = read_clock(connection)
    connection.execute(
        sessions.insert().values(
            id=session_id,
            user_id=user_id,
            current_hash=token_hash,
            created_at=now,
            last_used_at=now,
            idle_expires_at=now + min(idle, absolute),
            absolute_expires_at=now + absolute,
            user_agent=device.user_agent[:USER_AGENT_LENGTH],
            address=device.address,
        )
    )


def lock_session(connection: sa.Connection, session_id: bytes) -> SessionRow | None:
    """Read a session and keep others from changing it until the commit."""
    row = connection.execute(_LOCKED, {"session_id": session_id}).one_or_none()
    return None if row is None else SessionRow(*row)


def rotate_session(
    connection: sa.Connection, session: SessionRow, successor_hash: bytes, idle_expires_at: datetime
) -> None:
    """Replace the locked session's token."""
    connection.execute(
        sessions.update()
        .where(sessions.c.id == session.id)
        .values(
            previous_hash=session.current_hash,
            current_hash=successor_hash,
            rotated_at=session.now,
            last_used_at=session.now,
            idle_expires_at=idle_expires_at,
        )
    )


def end_session(connection: sa.Connection, session_id: bytes, reason: SessionEnd) -> bool:
    """End one session; tell whether it was live. Takes the row's lock: it waits for a refresh."""
    ended = connection.execute(
        sessions.update()
        .where(sessions.c.id == session_id, sessions.c.ended_at.is_(None))
        .values(ended_at=utc_now(), end_reason=reason.value)
    )
    return ended.rowcount == 1
