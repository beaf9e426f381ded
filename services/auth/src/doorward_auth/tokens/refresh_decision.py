"""What becomes of a refresh token that somebody presents (RFC 9700 section 4.14.2)."""

import hmac
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import Enum, auto

from doorward_auth.sessions.repository import SessionRow
from doorward_auth.tokens.refresh_tokens import RefreshToken


class Verdict(Enum):
    """The outcomes of presenting a refresh token."""

    ROTATE = auto()
    """It is the current one: replace it."""
    REPEAT = auto()
    """It was replaced a moment ago and the answer got lost: give the same successor again."""
    REFUSE = auto()
    """Its session has ended or expired."""
    REUSE = auto()
    """It was replaced before: two parties hold it, so the whole session ends."""


def judge(session: SessionRow, presented_hash: bytes, *, grace: timedelta) -> Verdict:
    """Decide by the row, whose `now` is the database's clock."""
    if session.ended_at is not None or not _is_alive(session, session.now):
        return Verdict.REFUSE
    if hmac.compare_digest(session.current_hash, presented_hash):
        return Verdict.ROTATE
    is_previous = session.previous_hash is not None and hmac.compare_digest(
        session.previous_hash, presented_hash
    )
    if is_previous and session.rotated_at is not None and session.now - session.rotated_at <= grace:
        return Verdict.REPEAT
    return Verdict.REUSE


def successor_of(
    token: RefreshToken, session: SessionRow, verdict: Verdict, secrets: Sequence[bytes]
) -> RefreshToken | None:
    """Derive what replaces `token`, or what replaced it a moment ago with whichever secret was first then.

    None when that secret is gone: the answer that got lost cannot be given again.
    """
    if verdict is Verdict.ROTATE:
        return token.successor(secrets[0])
    successors = (token.successor(secret) for secret in secrets)
    return next((one for one in successors if hmac.compare_digest(one.hash(), session.current_hash)), None)


def _is_alive(session: SessionRow, now: datetime) -> bool:
    return now < session.idle_expires_at and now < session.absolute_expires_at
