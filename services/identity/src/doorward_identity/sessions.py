"""Ending sessions and access tokens, in the transaction of the reason."""

import uuid

import sqlalchemy as sa

from doorward_identity.accounts import SessionEnd
from doorward_identity.tables import sessions, users
from doorward_identity.token_revocation import revoke_session, revoke_user
from doorward_kit.column_types import utc_now


def end_sessions(connection: sa.Connection, user_id: uuid.UUID, reason: SessionEnd) -> int:
    """End every live session of a user; return how many. `end_tokens` revokes their access tokens."""
    ended = sessions.update().where(sessions.c.user_id == user_id, sessions.c.ended_at.is_(None))
    return connection.execute(ended.values(ended_at=utc_now(), end_reason=reason.value)).rowcount


def end_other_sessions(
    connection: sa.Connection, user_id: uuid.UUID, keep: uuid.UUID, reason: SessionEnd, *, token_seconds: int
) -> int:
    """End every live session of a user but one, with their access tokens; return how many.

    The caller holds the lock of the user's row, so no session opens meanwhile.
    """
    live = sa.select(sessions.c.id).where(
        sessions.c.user_id == user_id, sessions.c.ended_at.is_(None), sessions.c.id != keep
    )
    others = list(connection.execute(live).scalars())
    return sum(
        end_session(connection, session_id, reason, token_seconds=token_seconds) for session_id in others
    )


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
