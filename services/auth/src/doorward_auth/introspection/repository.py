"""Queries of introspection."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from doorward_auth.sessions.repository import OF_CURRENT_CREDENTIALS
from doorward_identity.accounts import Status
from doorward_identity.tables import oauth_clients, sessions, users
from doorward_kit.column_types import utc_now


@dataclass(frozen=True, slots=True)
class LiveSession:
    """A live session of an active user.

    The last three are of the registered client that has opened it, else None.
    """

    user_id: uuid.UUID
    role: str
    current_hash: bytes
    previous_hash: bytes | None
    last_used_at: datetime
    expires_at: datetime
    oauth_client_id: uuid.UUID | None
    client_id: str | None
    scope: str | None


_LIVE: Final = (
    sa.select(
        sessions.c.user_id,
        users.c.role,
        sessions.c.current_hash,
        sessions.c.previous_hash,
        sessions.c.last_used_at,
        sessions.c.idle_expires_at,
        sessions.c.oauth_client_id,
        oauth_clients.c.client_id,
        sessions.c.scope,
    )
    .outerjoin(oauth_clients, oauth_clients.c.id == sessions.c.oauth_client_id)
    .join(users, users.c.id == sessions.c.user_id)
    .where(
        sessions.c.id == sa.bindparam("session_id"),
        sessions.c.ended_at.is_(None),
        sessions.c.idle_expires_at > utc_now(),
        OF_CURRENT_CREDENTIALS,
        users.c.status == Status.ACTIVE.value,
    )
)


def find_live(connection: sa.Connection, session_id: uuid.UUID) -> LiveSession | None:
    """Read a session; None if it has ended, is of older credentials, or its user is disabled."""
    row = connection.execute(_LIVE, {"session_id": session_id}).one_or_none()
    return None if row is None else LiveSession(*row)


def cancel_logout_token(connection: sa.Connection, session_id: uuid.UUID) -> None:
    """Tell the client of a session nothing about its end, because the client has ended it itself."""
    connection.execute(sessions.update().where(sessions.c.id == session_id).values(logout_attempts=None))
