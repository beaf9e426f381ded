"""The reuse of a refresh token: two parties hold it, so its session ends (RFC 9700 section 4.14.2)."""

import uuid

import sqlalchemy as sa

from doorward_identity.accounts import SessionEnd
from doorward_identity.audit.repository import AuditAction, record
from doorward_identity.sessions import end_session


def end_reused_session(
    connection: sa.Connection, session_id: uuid.UUID, user_id: uuid.UUID | None, *, token_seconds: int
) -> None:
    """End the session and record it, unless it has ended before.

    The caller has locked the session and decided again under the lock: the first look may have read from a
    database node that had not applied the latest rotation yet. A transaction that writes the row without
    that rotation is rolled back, and repeated.
    """
    if end_session(connection, session_id, SessionEnd.REUSE, token_seconds=token_seconds):
        details = {"session_id": session_id}
        record(connection, AuditAction.REFRESH_REUSED, actor=None, target=user_id, details=details)
