"""Ending sessions and access tokens, in the transaction of the reason."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Final

import sqlalchemy as sa

from doorward_identity.accounts import SessionEnd
from doorward_identity.audit.repository import AuditAction, record
from doorward_identity.tables import sessions, users
from doorward_identity.token_revocation import revoke_session, revoke_sessions, revoke_user
from doorward_kit.column_types import utc_now

OFFLINE_ACCESS: Final = "offline_access"
"""The scope of a client's session that outlives the browser session (OpenID Connect Core section 11)."""

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
    """End every live session of a user but one, with their access tokens; any number in a few statements.

    Of more than a thousand, the access token of the kept session is revoked with the others': its next
    refresh gets a new one. The caller holds the lock of the user's row, so no session opens meanwhile.
    """
    others = sessions.c.user_id == user_id, sessions.c.id != keep, sessions.c.ended_at.is_(None)
    found = (
        connection.execute(sa.select(sessions.c.id).where(*others).limit(_MOST_AT_ONCE + 1)).scalars().all()
    )
    if len(found) <= _MOST_AT_ONCE:
        end_listed_sessions(connection, found, reason, token_seconds=token_seconds)
        return
    ended = sessions.update().where(*others)
    connection.execute(ended.values(ended_at=utc_now(), end_reason=reason.value))
    end_tokens(connection, user_id, token_seconds=token_seconds)


def end_sessions_with_browser(
    connection: sa.Connection, browser_session_id: uuid.UUID, reason: SessionEnd, *, token_seconds: int
) -> None:
    """End the live sessions of clients that came from a deleted browser session, except offline ones."""
    found = connection.execute(
        sa.select(sessions.c.id, sessions.c.scope).where(
            sessions.c.browser_session_id == browser_session_id, sessions.c.ended_at.is_(None)
        )
    )
    ids = [session_id for session_id, scope in found if OFFLINE_ACCESS not in (scope or "").split(" ")]
    end_listed_sessions(connection, ids, reason, token_seconds=token_seconds)


def end_sessions_of_client(
    connection: sa.Connection,
    user_id: uuid.UUID,
    oauth_client_id: uuid.UUID,
    reason: SessionEnd,
    *,
    token_seconds: int,
) -> int:
    """End the live sessions of a user at one client; return how many."""
    found = connection.execute(
        sa.select(sessions.c.id).where(
            sessions.c.user_id == user_id,
            sessions.c.oauth_client_id == oauth_client_id,
            sessions.c.ended_at.is_(None),
        )
    )
    ids = list(found.scalars())
    end_listed_sessions(connection, ids, reason, token_seconds=token_seconds)
    return len(ids)


def end_listed_sessions(
    connection: sa.Connection, ids: Sequence[uuid.UUID], reason: SessionEnd, *, token_seconds: int
) -> None:
    """End up to a thousand sessions, with their access tokens. Ended ones keep their first reason."""
    if not ids:
        return
    ended = sessions.update().where(sessions.c.id.in_(ids), sessions.c.ended_at.is_(None))
    connection.execute(ended.values(ended_at=utc_now(), end_reason=reason.value))
    revoke_sessions(connection, ids, token_seconds=token_seconds)


def end_surplus_sessions(
    connection: sa.Connection,
    user_id: uuid.UUID,
    *,
    ends_with_browser: bool = False,
    most: int,
    token_seconds: int,
) -> None:
    """End a user's least recently used sessions past `most`, up to ten of them, and record each.

    So a user who can log in cannot fill the table. Sessions that end with a browser session have a limit of
    their own (`ends_with_browser=True`), because applications open them without asking their user.
    """
    live = (
        sessions.c.user_id == user_id,
        sessions.c.ended_at.is_(None),
        _is_of_kind(ends_with_browser=ends_with_browser),
    )
    found = _least_recently_used(connection, *live, most=most)
    # One by one, because a login at the same moment may end the same.
    for session_id in found:
        if end_session(connection, session_id, SessionEnd.LIMIT, token_seconds=token_seconds):
            record_surplus(connection, user_id, {"session_id": session_id})


def end_surplus_in_browser(
    connection: sa.Connection,
    browser_session_id: uuid.UUID,
    oauth_client_id: uuid.UUID,
    *,
    ends_with_browser: bool,
    most: int,
    token_seconds: int,
) -> None:
    """End the least recently used sessions of one client in one browser session past `most`.

    Nothing is recorded, because the user is as signed in as before.
    """
    found = _least_recently_used(
        connection,
        sessions.c.browser_session_id == browser_session_id,
        sessions.c.oauth_client_id == oauth_client_id,
        sessions.c.ended_at.is_(None),
        _is_of_kind(ends_with_browser=ends_with_browser),
        most=most,
    )
    end_listed_sessions(connection, found, SessionEnd.LIMIT, token_seconds=token_seconds)


def _is_of_kind(*, ends_with_browser: bool) -> sa.ColumnElement[bool]:
    """Match sessions that end with their browser session, without the scope offline_access; or the others."""
    scopes = sa.literal(" ") + sa.func.coalesce(sessions.c.scope, "") + " "
    ends_so = sa.and_(
        sessions.c.browser_session_id.is_not(None), ~scopes.contains(f" {OFFLINE_ACCESS} ", autoescape=True)
    )
    return ends_so if ends_with_browser else ~ends_so


def _least_recently_used(
    connection: sa.Connection, *conditions: sa.ColumnElement[bool], most: int
) -> Sequence[uuid.UUID]:
    """Read the ids of sessions past the `most` last used ones, up to ten of them."""
    newest_first = sessions.c.last_used_at.desc(), sessions.c.id.desc()
    found = sa.select(sessions.c.id).where(*conditions).order_by(*newest_first)
    return connection.execute(found.offset(most).limit(_MOST_SURPLUS)).scalars().all()


def record_surplus(connection: sa.Connection, user_id: uuid.UUID, session: Mapping[str, uuid.UUID]) -> None:
    """Record that a new session ended another one of its user, which is named by its kind and id."""
    details = {**session, "reason": SessionEnd.LIMIT}
    record(connection, AuditAction.SESSION_ENDED, actor=user_id, target=user_id, details=details)


def end_session(
    connection: sa.Connection, session_id: uuid.UUID, reason: SessionEnd, *, token_seconds: int
) -> bool:
    """End one session and revoke its access tokens; tell whether it was live.

    Takes the row's lock: it waits for a refresh in progress, and the next refresh is rejected.
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
