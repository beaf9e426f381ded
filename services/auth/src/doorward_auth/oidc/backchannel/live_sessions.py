"""Ended sessions whose user is still signed in at the client: their client is not notified.

A logout token names the browser session (`sid`), and the client ends all that it has of it. So a token is
wrong while the user is still signed in at the client with the same browser.
"""

import uuid
from collections.abc import Sequence

import sqlalchemy as sa

from doorward_auth.sessions.repository import OF_CURRENT_CREDENTIALS
from doorward_identity.accounts import Status
from doorward_identity.sessions import OFFLINE_ACCESS
from doorward_identity.tables import sessions, users
from doorward_kit.column_types import utc_now


def find_still_signed_in(connection: sa.Connection, ended: Sequence[uuid.UUID]) -> set[uuid.UUID]:
    """Return which ended sessions have a live one of the same client and browser session.

    An offline session survives the sign-out of its browser, and the client is notified of the sign-out
    nevertheless.
    """
    if not ended:
        return set()
    over = sessions.alias()  # OF_CURRENT_CREDENTIALS is of `sessions`
    rows = connection.execute(
        sa.select(over.c.id, over.c.scope, sessions.c.scope.label("live_scope"))
        .join(
            sessions,
            sa.and_(
                sessions.c.browser_session_id == over.c.browser_session_id,
                sessions.c.oauth_client_id == over.c.oauth_client_id,
                sessions.c.ended_at.is_(None),
                sessions.c.idle_expires_at > utc_now(),
            ),
        )
        .join(users, users.c.id == sessions.c.user_id)
        .where(
            over.c.id.in_(ended),
            # As a refresh: a session that it would reject is no reason for silence.
            OF_CURRENT_CREDENTIALS,
            users.c.status == Status.ACTIVE.value,
        )
    )
    return {
        row.id for row in rows if _has_offline_access(row.scope) or not _has_offline_access(row.live_scope)
    }


def _has_offline_access(scope: str | None) -> bool:
    return OFFLINE_ACCESS in (scope or "").split(" ")
