"""The live sessions of a user, as they see them."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from doorward_identity.tables import oauth_clients, sessions
from doorward_kit.column_types import utc_now


class SessionKind(StrEnum):
    """The way in which a session was opened."""

    DIRECT = "direct"
    CLIENT = "client"
    BROWSER = "browser"


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSummary:
    """A live session, as its user sees it. `client` is the name of a registered client."""

    kind: SessionKind
    client: str | None
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
            sessions.c.idle_expires_at.label("expires_at"),
            sessions.c.oauth_client_id,
            oauth_clients.c.name.label("client"),
        )
        .outerjoin(oauth_clients, oauth_clients.c.id == sessions.c.oauth_client_id)
        .where(
            sessions.c.user_id == user_id,
            sessions.c.ended_at.is_(None),
            sessions.c.idle_expires_at > utc_now(),
        )
        .order_by(sessions.c.last_used_at.desc(), sessions.c.id.desc())
        .limit(count)
    )
    return [_summary(**row) for row in connection.execute(statement).mappings()]


def _summary(*, oauth_client_id: uuid.UUID | None, **columns: Any) -> SessionSummary:
    kind = SessionKind.DIRECT if oauth_client_id is None else SessionKind.CLIENT
    return SessionSummary(kind=kind, **columns)
