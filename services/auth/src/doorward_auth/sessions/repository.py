"""Queries on sessions."""

import uuid
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa

from doorward_identity.tables import credentials, sessions, users
from doorward_kit.column_types import utc_now

USER_AGENT_LENGTH: Final = 255

_NOW: Final = utc_now().label("now")


@dataclass(frozen=True, slots=True)
class Device:
    """Where a login came from, for the person to recognise it."""

    user_agent: str
    ip_address: str


@dataclass(frozen=True, slots=True)
class Opening:
    """A session about to open, and how its user stood when the password was right."""

    session_id: uuid.UUID
    user_id: uuid.UUID
    token_hash: bytes
    user_agent: str
    ip_address: str
    idle_seconds: int
    absolute_seconds: int
    role: str
    status: str
    token_version: int
    password_hash: str
    acr: str = "aal1"
    amr: str = "pwd"


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A session as a refresh sees it, and how its user stands; `now` is the database's clock."""

    id: uuid.UUID
    user_id: uuid.UUID
    current_hash: bytes
    previous_hash: bytes | None
    rotated_at: datetime | None
    idle_expires_at: datetime
    absolute_expires_at: datetime
    ended_at: datetime | None
    now: datetime
    role: str
    status: str
    token_version: int


_PRESENTED: Final = (
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
        users.c.role,
        users.c.status,
        users.c.token_version,
    )
    .join(users, users.c.id == sessions.c.user_id)
    .where(sessions.c.id == sa.bindparam("session_id"))
)

# Built once: building it, and its cache key, costs more than running it.
_ROTATED: Final = (
    sessions.update()
    .where(
        sessions.c.id == sa.bindparam("session_id"),
        sessions.c.current_hash == sa.bindparam("replaced_hash"),
        sessions.c.ended_at.is_(None),
    )
    .values(
        previous_hash=sa.bindparam("replaced_hash"),
        current_hash=sa.bindparam("successor_hash"),
        rotated_at=sa.bindparam("rotated"),
        last_used_at=sa.bindparam("rotated"),
        idle_expires_at=sa.bindparam("expires"),
    )
)


_OPENED: Final = sessions.insert().from_select(
    [
        "id",
        "user_id",
        "current_hash",
        "user_agent",
        "ip_address",
        "auth_time",
        "acr",
        "amr",
        "created_at",
        "last_used_at",
        "idle_expires_at",
        "absolute_expires_at",
    ],
    sa.select(
        sa.bindparam("session_id", type_=sessions.c.id.type),
        users.c.id,
        sa.bindparam("token_hash", type_=sessions.c.current_hash.type),
        sa.bindparam("user_agent", type_=sessions.c.user_agent.type),
        sa.bindparam("ip_address", type_=sessions.c.ip_address.type),
        utc_now(),
        sa.bindparam("acr", type_=sessions.c.acr.type),
        sa.bindparam("amr", type_=sessions.c.amr.type),
        utc_now(),
        utc_now(),
        utc_now(sa.bindparam("idle_seconds", type_=sa.Integer)),
        utc_now(sa.bindparam("absolute_seconds", type_=sa.Integer)),
    )
    .join(credentials, credentials.c.user_id == users.c.id)
    .where(
        users.c.id == sa.bindparam("user_id"),
        # A change by the account's owner raises no token_version: the session that it was made in goes on.
        credentials.c.password_hash == sa.bindparam("password_hash"),
        users.c.role == sa.bindparam("role"),
        users.c.status == sa.bindparam("status"),
        users.c.token_version == sa.bindparam("token_version"),
    )
    .with_for_update(read=True),
    include_defaults=False,
)


def open_session(connection: sa.Connection, opening: Opening) -> bool:
    """Store a new session if its user still stands as the login saw it; tell whether it did.

    One statement, under a shared lock of the user's row: whoever disables the account or changes its
    password at this moment either comes before, and no session opens, or after, and ends it.
    """
    return connection.execute(_OPENED, asdict(opening)).rowcount == 1


def find_session(connection: sa.Connection, session_id: uuid.UUID) -> SessionRow | None:
    """Read a session and its user."""
    row = connection.execute(_PRESENTED, {"session_id": session_id}).one_or_none()
    return None if row is None else SessionRow(*row)


def rotate_session(
    connection: sa.Connection, session: SessionRow, successor_hash: bytes, idle_expires_at: datetime
) -> bool:
    """Replace a session's token unless it was replaced or ended since it was read; tell whether it was.

    The lock of the row, and a look at what it says by now, are in the statement: of refreshes at the
    same moment one replaces the token, and a logout wins over each of them.
    """
    changed = {
        "session_id": session.id,
        "replaced_hash": session.current_hash,
        "successor_hash": successor_hash,
        "rotated": session.now,
        "expires": idle_expires_at,
    }
    return connection.execute(_ROTATED, changed).rowcount == 1


@dataclass(frozen=True, slots=True)
class SessionSummary:
    """A live session as its owner sees it."""

    id: uuid.UUID
    user_agent: str
    ip_address: str
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime


def list_live(connection: sa.Connection, user_id: uuid.UUID, count: int) -> list[SessionSummary]:
    """Read the live sessions of a user, the one used last first."""
    statement = (
        sa.select(
            sessions.c.id,
            sessions.c.user_agent,
            sessions.c.ip_address,
            sessions.c.created_at,
            sessions.c.last_used_at,
            sessions.c.idle_expires_at,
        )
        .where(
            sessions.c.user_id == user_id,
            sessions.c.ended_at.is_(None),
            sessions.c.idle_expires_at > utc_now(),
        )
        .order_by(sessions.c.last_used_at.desc(), sessions.c.id.desc())
        .limit(count)
    )
    return [SessionSummary(*row) for row in connection.execute(statement)]


def owner_of(connection: sa.Connection, session_id: uuid.UUID) -> uuid.UUID | None:
    """Read whose session it is."""
    return connection.execute(
        sa.select(sessions.c.user_id).where(sessions.c.id == session_id)
    ).scalar_one_or_none()


def user_exists(connection: sa.Connection, user_id: uuid.UUID) -> bool:
    """Tell whether there is such a user, and keep it from being changed until the commit."""
    found = sa.select(users.c.id).where(users.c.id == user_id).with_for_update()
    return connection.execute(found).scalar_one_or_none() is not None


def delete_ended(
    connection: sa.Connection, behind: uuid.UUID, *, keep: timedelta, count: int
) -> tuple[int, uuid.UUID]:
    """Look at the `count` sessions behind an id and delete those that were over longer than `keep` ago.

    Returns how many, and the id that was looked at last: the lowest one at the end of the table.
    """
    before = utc_now(-int(keep.total_seconds()))
    is_over = sa.or_(sessions.c.ended_at < before, sessions.c.idle_expires_at < before)
    looked = sa.select(sessions.c.id, is_over).where(sessions.c.id > behind).order_by(sessions.c.id)
    rows = connection.execute(looked.limit(count)).all()
    over = [session_id for session_id, over in rows if over]
    if over:
        # Over once is over for ever: nobody can have revived one in between.
        connection.execute(sessions.delete().where(sessions.c.id.in_(over)))
    return len(over), rows[-1][0] if len(rows) == count else uuid.UUID(int=0)
