"""Queries on sessions."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

import sqlalchemy as sa

from doorward_client.tokens import Scalar
from doorward_identity.tables import sessions, users
from doorward_identity.upstream_revocations import revoke_grants_of_sessions
from doorward_kit.column_types import utc_now
from doorward_kit.json_columns import JsonRows

MOST_ENDED: Final = 1_000
"""Ended sessions of a user that are kept, however often the user logs in and out.

Deleting the account deletes them with it, in one transaction.
"""

_NOW: Final = utc_now().label("now")


class SessionRow(NamedTuple):
    """A session as a refresh reads it, and the state of its account; `now` is the database's time."""

    id: uuid.UUID
    user_id: uuid.UUID
    current_hash: bytes
    previous_hash: bytes | None
    rotated_at: datetime | None
    auth_time: datetime
    acr: str
    amr: str
    extensions: Mapping[str, Scalar]
    cookie_name: str | None
    idle_expires_at: datetime
    absolute_expires_at: datetime
    ended_at: datetime | None
    now: datetime
    role: str
    status: str
    token_version: int
    auth_version: int | None
    account_auth_version: int
    # Of a registered client, as in new_session.NewSession.
    oauth_client_id: uuid.UUID | None = None
    browser_session_id: uuid.UUID | None = None
    scope: str | None = None
    audience: str | None = None

    @property
    def is_of_older_credentials(self) -> bool:
        """Whether it opened at the moment of a change that would have ended it, on another node."""
        return self.auth_version is not None and self.auth_version != self.account_auth_version


OF_CURRENT_CREDENTIALS: Final = sa.func.coalesce(sessions.c.auth_version == users.c.auth_version, sa.true())
"""The condition for SessionRow.is_of_older_credentials to be false, of a session with its user."""

_COLUMNS: Final[tuple[sa.ColumnElement[Any], ...]] = (
    sessions.c.id,
    sessions.c.user_id,
    sessions.c.current_hash,
    sessions.c.previous_hash,
    sessions.c.rotated_at,
    sessions.c.auth_time,
    sessions.c.acr,
    sessions.c.amr,
    sessions.c.extensions,
    sessions.c.cookie_name,
    sessions.c.idle_expires_at,
    sessions.c.absolute_expires_at,
    sessions.c.ended_at,
    _NOW,
    users.c.role,
    users.c.status,
    users.c.token_version,
    sessions.c.auth_version,
    users.c.auth_version,
    sessions.c.oauth_client_id,
    sessions.c.browser_session_id,
    sessions.c.scope,
    sessions.c.audience,
)
# Even of one row: PyMySQL reads a description of each column, which takes longer than the row.
_JSON_ROWS: Final = JsonRows(SessionRow._make, _COLUMNS)
_PRESENTED: Final = (
    sa.select(_JSON_ROWS.column)
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


_EXTENDED: Final = (
    sessions.update()
    .where(
        sessions.c.id == sa.bindparam("session_id"),
        sessions.c.current_hash == sa.bindparam("presented_hash"),
        sessions.c.ended_at.is_(None),
    )
    .values(last_used_at=sa.bindparam("used"), idle_expires_at=sa.bindparam("expires"))
)


@dataclass(frozen=True, slots=True)
class RenewedSession:
    """A session with a new proof. `seconds` is the lifetime of its refresh token.

    `oauth_client_id` is the row of the registered client that has opened it.
    """

    seconds: int
    extensions: Mapping[str, Scalar]
    cookie_name: str | None
    oauth_client_id: uuid.UUID | None


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
    rejected, and does not end the session as a stolen token would.
    """
    columns = (
        _NOW,
        sessions.c.absolute_expires_at,
        sessions.c.current_hash,
        sessions.c.extensions,
        sessions.c.cookie_name,
        sessions.c.oauth_client_id,
    )
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
    seconds = int((idle_expires_at - found.now).total_seconds())
    return RenewedSession(seconds, found.extensions, found.cookie_name, found.oauth_client_id)


def find_session(connection: sa.Connection, session_id: uuid.UUID) -> SessionRow | None:
    """Read a session and its user."""
    rows = _JSON_ROWS.read(connection.execute(_PRESENTED, {"session_id": session_id}))
    return rows[0] if rows else None


def lock_session(connection: sa.Connection, session_id: uuid.UUID) -> None:
    """Lock a session until the commit, if there is one."""
    connection.execute(sa.select(sessions.c.id).where(sessions.c.id == session_id).with_for_update())


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


def extend_session(connection: sa.Connection, session: SessionRow, idle_expires_at: datetime) -> bool:
    """Extend a session whose refresh token stays, unless it was ended since it was read; tell whether."""
    changed = {
        "session_id": session.id,
        "presented_hash": session.current_hash,
        "used": session.now,
        "expires": idle_expires_at,
    }
    return connection.execute(_EXTENDED, changed).rowcount == 1


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
        # Their grants are deleted with them. Most were wiped long before, but not those that are never due.
        revoke_grants_of_sessions(connection, over)
        # An ended session never becomes live again, so the condition need not be repeated.
        connection.execute(sessions.delete().where(sessions.c.id.in_(over)))
    return len(over), rows[-1][0] if len(rows) == count else uuid.UUID(int=0)
