"""Decides on a refresh token that a client presents (RFC 9700 section 4.14.2)."""

import hmac
from collections.abc import Sequence
from datetime import timedelta
from enum import Enum, auto

from doorward_auth.sessions.repository import SessionRow
from doorward_auth.tokens.token_pair import RefreshToken


class RefreshDecision(Enum):
    """The outcomes of presenting a refresh token."""

    ROTATE = auto()
    """It is the current one: replace it."""
    KEEP = auto()
    """It is the current one, made a moment ago, and in a cookie that many tabs share: return it again."""
    REPEAT = auto()
    """It was replaced a moment ago and the answer was lost: return the same successor again."""
    REJECT = auto()
    """Its session has ended or expired."""
    REUSE = auto()
    """It was replaced before: two parties hold it, so the session ends."""


def evaluate_refresh_token(
    session: SessionRow, presented_hash: bytes, *, grace: timedelta
) -> RefreshDecision:
    """Decide by the row, of which `now` is the database's time.

    Tabs refresh at the same moment with one cookie. Some requests start with the token before, others with
    its successor, and arrive in any order. So within the grace period there is one successor: two would make
    the first requests a reuse.
    """
    is_alive = session.now < session.idle_expires_at and session.now < session.absolute_expires_at
    if session.ended_at is not None or not is_alive:
        return RefreshDecision.REJECT
    is_new = session.rotated_at is not None and session.now - session.rotated_at <= grace
    if hmac.compare_digest(session.current_hash, presented_hash):
        is_shared = session.cookie_name is not None
        return RefreshDecision.KEEP if is_new and is_shared else RefreshDecision.ROTATE
    is_previous = session.previous_hash is not None and hmac.compare_digest(
        session.previous_hash, presented_hash
    )
    return RefreshDecision.REPEAT if is_previous and is_new else RefreshDecision.REUSE


def successor_of(
    token: RefreshToken, session: SessionRow, decision: RefreshDecision, secrets: Sequence[bytes]
) -> RefreshToken | None:
    """Derive what replaces `token`; to repeat one, with the secret that was the first one then.

    None if no known secret derives it: that secret has been removed, or the token was not derived (after a
    step-up). The lost answer cannot be repeated.
    """
    if decision is RefreshDecision.KEEP:
        return token
    if decision is RefreshDecision.ROTATE:
        return token.successor(secrets[0])
    successors = (token.successor(secret) for secret in secrets)
    return next(
        (
            successor
            for successor in successors
            if hmac.compare_digest(successor.hash(), session.current_hash)
        ),
        None,
    )
