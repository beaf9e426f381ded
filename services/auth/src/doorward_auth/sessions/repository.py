"""Queries on sessions."""

import uuid
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from doorward_identity.tables import sessions, users
from doorward_kit.column_types import utc_now

USER_AGENT_LENGTH: Final = 255

MOST_ENDED: Final = 1_000
"""Ended sessions of a user that are kept: whoever logs in and out all day long gathers no more.

Deleting the account deletes them with it, in one transaction.
"""

_NOW: Final = utc_now().label("now")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a login comes from, for the user to recognise it."""

    user_agent: str
    ip_address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSession:
    """A session about to open, and the state of its account when the password was right."""

    session_id: uuid.UUID
    user_id: uuid.UUID
    token_hash: bytes
    token_version: int
    auth_version: int
    auth_time: datetime
    acr: str
    amr: str
    extensions: str | None
    user_agent: str
    ip_address: str
    idle_seconds: int
    absolute_seconds: int


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A session as a refresh reads it, and the state of its account; `now` is the database's time."""

    id: uuid.UUID
    user_id: uuid.UUID
    current_hash: bytes
    previous_hash: bytes | None
    rotated_at: datetime | None
    auth_time: datetime
    acr: str
    amr: str
    extensions: str | None
    idle_expires_at: datetime
    absolute_expires_at: datetime
    ended_at: datetime | None
    now: datetime
    role: str
    status: str
    token_version: int


_ROW_COLUMNS: Final[tuple[sa.ColumnElement[Any], ...]] = (
    sessions.c.id,
    sessions.c.user_id,
    sessions.c.current_hash,
    sessions.c.previous_hash,
    sessions.c.rotated_at,
    sessions.c.auth_time,
    sessions.c.acr,
    sessions.c.amr,
    sessions.c.extensions,
    sessions.c.idle_expires_at,
    sessions.c.absolute_expires_at,
    sessions.c.ended_at,
    _NOW,
    users.c.role,
    users.c.status,
    users.c.token_version,
)
_PRESENTED: Final = (
    sa.select(*_ROW_COLUMNS)
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
        "auth_time",
        "acr",
        "amr",
        "extensions",
        "user_agent",
        "ip_address",
        "created_at",
        "last_used_at",
        "idle_expires_at",
        "absolute_expires_at",
    ],
    sa.select(
        sa.bindparam("session_id", type_=sessions.c.id.type),
        users.c.id,
        sa.bindparam("token_hash", type_=sessions.c.current_hash.type),
        sa.bindparam("auth_time", type_=sessions.c.auth_time.type),
        sa.bindparam("acr", type_=sessions.c.acr.type),
        sa.bindparam("amr", type_=sessions.c.amr.type),
        sa.bindparam("extensions", type_=sessions.c.extensions.type),
        sa.bindparam("user_agent", type_=sessions.c.user_agent.type),
        sa.bindparam("ip_address", type_=sessions.c.ip_address.type),
        utc_now(),
        utc_now(),
        utc_now(sa.bindparam("idle_seconds", type_=sa.Integer)),
        utc_now(sa.bindparam("absolute_seconds", type_=sa.Integer)),
    )
    .where(
        users.c.id == sa.bindparam("user_id"),
        # Raised with every change of a password, a status or a role.
        users.c.auth_version == sa.bindparam("auth_version"),
        users.c.token_version == sa.bindparam("token_version"),
    )
    .with_for_update(read=True),
    include_defaults=False,
)


def open_session(connection: sa.Connection, session: NewSession) -> bool:
    """Store a new session unless its account has changed since it was read; tell whether it was stored.

    One statement, under a shared lock of the user's row: a transaction that disables the account or
    changes its password at this moment either comes first, and no session opens, or ends the session.
    """
    return connection.execute(_OPENED, asdict(session)).rowcount == 1


@dataclass(frozen=True, slots=True)
class RenewedSession:
    """A session with a new proof. `seconds` is the lifetime of its refresh token."""

    seconds: int
    extensions: str | None


def renew_authentication(  # noqa: PLR0913 - what a session is changed to
    connection: sa.Connection,
    session_id: uuid.UUID,
    token_hash: bytes,
    *,
    auth_time: datetime,
    acr: str,
    amr: str,
    idle_seconds: int,
) -> RenewedSession | None:
    """Replace a live session's refresh token and its authentication; None if it is not live.

    The replaced token becomes the previous one: within the grace period a refresh that was under way is
    refused, and does not end the session as a stolen token would.
    """
    columns = _NOW, sessions.c.absolute_expires_at, sessions.c.current_hash, sessions.c.extensions
    live = sa.select(*columns).where(
        sessions.c.id == session_id, sessions.c.ended_at.is_(None), sessions.c.idle_expires_at > utc_now()
    )
    found = connection.execute(live.with_for_update()).one_or_none()
    if found is None:
        return None
    idle_expires_at = min(found.now + timedelta(seconds=idle_seconds), found.absolute_expires_at)
    renewed = sessions.update().where(sessions.c.id == session_id)
    connection.execute(
        renewed.values(
            # Not the column: MariaDB would read the value that the same statement assigns.
            previous_hash=found.current_hash,
            current_hash=token_hash,
            rotated_at=utc_now(),
            auth_time=auth_time,
            acr=acr,
            amr=amr,
            last_used_at=utc_now(),
            idle_expires_at=idle_expires_at,
        )
    )
    return RenewedSession(int((idle_expires_at - found.now).total_seconds()), found.extensions)


def find_session(connection: sa.Connection, session_id: uuid.UUID) -> SessionRow | None:
    """Read a session and its user."""
    row = connection.execute(_PRESENTED, {"session_id": session_id}).one_or_none()
    return None if row is None else SessionRow(*row)


def rotate_session(
    connection: sa.Connection, session: SessionRow, successor_hash: bytes, idle_expires_at: datetime
) -> bool:
    """Replace a session's token unless it was replaced or ended since it was read; tell whether it was.

    One statement locks the row and compares it: of refreshes at the same moment one replaces the token,
    and a logout wins over all of them.
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
    """A live session, as its user sees it."""

    id: uuid.UUID
    user_agent: str
    ip_address: str
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime


def list_live(connection: sa.Connection, user_id: uuid.UUID, count: int) -> list[SessionSummary]:
    """Read the live sessions of a user, the most recently used first."""
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


def is_live(connection: sa.Connection, session_id: uuid.UUID) -> bool:
    """Tell whether a session can still be refreshed."""
    live = sa.select(sessions.c.id).where(
        sessions.c.id == session_id, sessions.c.ended_at.is_(None), sessions.c.idle_expires_at > utc_now()
    )
    return connection.execute(live).one_or_none() is not None


def owner_of(connection: sa.Connection, session_id: uuid.UUID) -> uuid.UUID | None:
    """Read the user of a session; None if there is no such session."""
    return connection.execute(
        sa.select(sessions.c.user_id).where(sessions.c.id == session_id)
    ).scalar_one_or_none()


def delete_ended(
    connection: sa.Connection, after: uuid.UUID, *, keep: timedelta, count: int
) -> tuple[int, uuid.UUID]:
    """Read the `count` sessions after an id, and delete those that ended longer than `keep` ago.

    Also those that ended before the last MOST_ENDED of their user. Returns how many, and the id that was
    read last: the lowest id at the end of the table.
    """
    before = utc_now(-int(keep.total_seconds()))
    others = sessions.alias()
    surplus_before = (
        sa.select(others.c.ended_at)
        .where(others.c.user_id == sessions.c.user_id, others.c.ended_at.is_not(None))
        .order_by(others.c.ended_at.desc())
        .limit(1)
        .offset(MOST_ENDED)
        .scalar_subquery()
    )
    is_over = sa.or_(
        sessions.c.ended_at < before,
        sessions.c.idle_expires_at < before,
        sa.func.coalesce(sessions.c.ended_at <= surplus_before, sa.false()),
    )
    candidates = sa.select(sessions.c.id, is_over).where(sessions.c.id > after).order_by(sessions.c.id)
    rows = connection.execute(candidates.limit(count)).all()
    over = [session_id for session_id, over in rows if over]
    if over:
        # An ended session never becomes live again, so the condition need not be repeated.
        connection.execute(sessions.delete().where(sessions.c.id.in_(over)))
    return len(over), rows[-1][0] if len(rows) == count else uuid.UUID(int=0)
