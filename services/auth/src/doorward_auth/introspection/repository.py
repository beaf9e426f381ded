"""Queries of introspection."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from doorward_identity.accounts import Status
from doorward_identity.tables import sessions, users
from doorward_kit.column_types import utc_now


@dataclass(frozen=True, slots=True)
class LiveSession:
    """A live session of an active user."""

    user_id: uuid.UUID
    role: str
    current_hash: bytes
    previous_hash: bytes | None
    last_used_at: datetime
    expires_at: datetime


_LIVE: Final = (
    sa.select(
        sessions.c.user_id,
        users.c.role,
        sessions.c.current_hash,
        sessions.c.previous_hash,
        sessions.c.last_used_at,
        sessions.c.idle_expires_at,
    )
    .join(users, users.c.id == sessions.c.user_id)
    .where(
        sessions.c.id == sa.bindparam("session_id"),
        sessions.c.ended_at.is_(None),
        sessions.c.idle_expires_at > utc_now(),
        users.c.status == Status.ACTIVE.value,
    )
)


def find_live(connection: sa.Connection, session_id: uuid.UUID) -> LiveSession | None:
    """Read a session; None if it has ended or its user is disabled."""
    row = connection.execute(_LIVE, {"session_id": session_id}).one_or_none()
    return None if row is None else LiveSession(*row)
