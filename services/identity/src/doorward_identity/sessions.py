"""Ending sessions and access tokens, in the transaction of the reason."""

import uuid
from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa

from doorward_identity.accounts import SessionEnd
from doorward_identity.tables import sessions, users
from doorward_identity.token_revocation import revoke_session, revoke_sessions, revoke_user
from doorward_kit.column_types import utc_now

_MOST_AT_ONCE: Final = 1_000
_MOST_SURPLUS: Final = 10
"""A login is as fast where the limit was lowered; the following ones end the rest."""


def end_sessions(connection: sa.Connection, user_id: uuid.UUID, reason: SessionEnd) -> int:
    """End every live session of a user; return how many. `end_tokens` revokes their access tokens."""
    ended = sessions.update().where(sessions.c.user_id == user_id, sessions.c.ended_at.is_(None))
    return connection.execute(ended.values(ended_at=utc_now(), end_reason=reason.value)).rowcount


def end_other_sessions(
    connection: sa.Connection, user_id: uuid.UUID, keep: uuid.UUID, reason: SessionEnd, *, token_seconds: int
) -> None:
    """End every live session of a user but one, with their access tokens, a thousand at a time.

    The caller holds the lock of the user's row, so no session opens meanwhile.
    """
    last = uuid.UUID(int=0)
    others = sa.select(sessions.c.id).where(
        sessions.c.user_id == user_id, sessions.c.id != keep, sessions.c.ended_at.is_(None)
    )
    while True:
        page = others.where(sessions.c.id > last).order_by(sessions.c.id).limit(_MOST_AT_ONCE)
        found = connection.execute(page).scalars().all()
        if found:
            ended = sessions.update().where(sessions.c.id.in_(found), sessions.c.ended_at.is_(None))
            connection.execute(ended.values(ended_at=utc_now(), end_reason=reason.value))
            revoke_sessions(connection, found, token_seconds=token_seconds)
        if len(found) < _MOST_AT_ONCE:
            return
        last = found[-1]


def end_surplus_sessions(
    connection: sa.Connection, user_id: uuid.UUID, *, most: int, token_seconds: int
) -> Sequence[uuid.UUID]:
    """End a user's least recently used sessions past `most`, up to ten of them; return which."""
    newest_first = sessions.c.last_used_at.desc(), sessions.c.id.desc()
    live = sa.select(sessions.c.id).where(sessions.c.user_id == user_id, sessions.c.ended_at.is_(None))
    surplus = live.order_by(*newest_first).offset(most).limit(_MOST_SURPLUS)
    found = connection.execute(surplus).scalars().all()
    # One by one, because a login at the same moment may end the same.
    return [
        session_id
        for session_id in found
        if end_session(connection, session_id, SessionEnd.LIMIT, token_seconds=token_seconds)
    ]


def end_session(
    connection: sa.Connection, session_id: uuid.UUID, reason: SessionEnd, *, token_seconds: int
) -> bool:
    """End one session and revoke its access tokens; tell whether it was live.

    Takes the row's lock: it waits for a refresh in progress, and the next refresh is refused.
    """
    ended = connection.execute(
        sessions.update()
        .where(sessions.c.id == session_id, sessions.c.ended_at.is_(None))
        .values(ended_at=utc_now(), end_reason=reason.value)
    )
    if ended.rowcount:
        revoke_session(connection, session_id, token_seconds=token_seconds)
    return ended.rowcount == 1


def end_tokens(connection: sa.Connection, user_id: uuid.UUID, *, token_seconds: int) -> None:
    """Revoke every access token of a user; live sessions can refresh.

    `token_seconds` is the longest lifetime of an access token.
    """
    connection.execute(
        users.update().where(users.c.id == user_id).values(token_version=users.c.token_version + 1)
    )
    token_version = connection.execute(
        sa.select(users.c.token_version).where(users.c.id == user_id)
    ).scalar_one()
    revoke_user(connection, user_id, token_version=token_version, token_seconds=token_seconds)
