"""Ending sessions, wherever the reason arises."""

import sqlalchemy as sa

from doorward_common.columns import utc_now
from doorward_identity.accounts import SessionEnd
from doorward_identity.tables import sessions


def end_sessions(connection: sa.Connection, user_id: bytes, reason: SessionEnd) -> int:
    """End every live session of a user in the caller's transaction; return how many."""
    return connection.execute(
        sessions.update()
        .where(sessions.c.user_id == user_id, sessions.c.ended_at.is_(None))
        .values(ended_at=utc_now(), end_reason=reason.value)
    ).rowcount
