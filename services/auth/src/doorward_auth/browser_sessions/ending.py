"""Ending browser sessions, with the sessions of clients that came from them."""

import uuid
from typing import Final

import sqlalchemy as sa

from doorward_auth.browser_sessions import repository
from doorward_auth.browser_sessions.repository import BrowserSession
from doorward_identity.accounts import SessionEnd
from doorward_identity.audit.repository import AuditAction, record
from doorward_identity.sessions import end_sessions_with_browser, record_surplus

_MOST_SURPLUS: Final = 10


def end_browser_session(
    connection: sa.Connection, session_id: uuid.UUID, owner: uuid.UUID, *, token_seconds: int
) -> bool:
    """End a session as its user wants, and record it; tell whether it was there."""
    is_ended = _end(connection, session_id, SessionEnd.LOGOUT, token_seconds=token_seconds)
    if is_ended:
        details = {"browser_session_id": session_id}
        record(connection, AuditAction.SESSION_ENDED, actor=owner, target=owner, details=details)
    return is_ended


def end_replaced(
    connection: sa.Connection, session: BrowserSession, user_id: uuid.UUID, *, token_seconds: int
) -> None:
    """End a session whose browser another user signs in with, and record who did."""
    if _end(connection, session.id, SessionEnd.REPLACED, token_seconds=token_seconds):
        details = {"browser_session_id": session.id, "reason": SessionEnd.REPLACED}
        owner = session.account.id
        record(connection, AuditAction.SESSION_ENDED, actor=user_id, target=owner, details=details)


def end_surplus(connection: sa.Connection, user_id: uuid.UUID, *, most: int, token_seconds: int) -> None:
    """End a user's least recently used browser sessions past `most`, up to ten of them, and record each."""
    for session_id in repository.find_surplus(connection, user_id, most=most, count=_MOST_SURPLUS):
        if _end(connection, session_id, SessionEnd.LIMIT, token_seconds=token_seconds):
            record_surplus(connection, user_id, {"browser_session_id": session_id})


def _end(connection: sa.Connection, session_id: uuid.UUID, reason: SessionEnd, *, token_seconds: int) -> bool:
    """End it and its clients' sessions, except offline ones; tell whether it was there."""
    if not repository.delete(connection, session_id):
        return False
    end_sessions_with_browser(connection, session_id, reason, token_seconds=token_seconds)
    return True
