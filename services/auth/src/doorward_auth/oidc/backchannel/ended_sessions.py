"""Queries on ended sessions whose clients are to be notified."""

import uuid
from collections.abc import Set as AbstractSet
from typing import Final

import sqlalchemy as sa

from doorward_auth.oidc.backchannel.live_sessions import find_still_signed_in
from doorward_auth.oidc.backchannel.outbox import Lease, LogoutDelivery, Outbox
from doorward_auth.oidc.clients.client import IdTokenAlgorithm
from doorward_identity.logout_deliveries import MAX_ATTEMPTS
from doorward_identity.tables import oauth_clients, sessions
from doorward_kit.column_types import utc_now

_IS_DUE: Final = sa.and_(
    # Both columns of an index: it has the ended ones together.
    # After the last attempt, too: a row that is due again then is over.
    sessions.c.logout_attempts.in_(range(MAX_ATTEMPTS + 1)),
    sessions.c.ended_at.is_not(None),
    sa.or_(sessions.c.logout_due_at.is_(None), sessions.c.logout_due_at <= utc_now()),
)
_DONE: Final = {"logout_attempts": None, "logout_due_at": None}


def _is_any_due(connection: sa.Connection) -> bool:
    return connection.execute(sa.select(sessions.c.id).where(_IS_DUE).limit(1)).scalar() is not None


def _lease(connection: sa.Connection, count: int, seconds: int) -> Lease:
    """Lease sessions; those that are over, or whose clients need no notification, are done with."""
    due = sa.select(sessions.c.id).where(_IS_DUE).limit(count).with_for_update(skip_locked=True)
    found = list(connection.execute(due).scalars())
    still_signed_in = find_still_signed_in(connection, found)
    _end(connection, still_signed_in)
    ids = [session_id for session_id in found if session_id not in still_signed_in]
    if not ids:
        return Lease([], [])
    connection.execute(
        sessions.update()
        .where(sessions.c.id.in_(ids))
        .values(logout_attempts=sessions.c.logout_attempts + 1, logout_due_at=utc_now(seconds))
    )
    statement = (
        sa.select(
            sessions.c.id,
            sessions.c.user_id,
            sessions.c.browser_session_id,
            sessions.c.logout_attempts,
            oauth_clients.c.client_id,
            oauth_clients.c.backchannel_logout_uri,
            oauth_clients.c.id_token_alg,
        )
        .join(oauth_clients, oauth_clients.c.id == sessions.c.oauth_client_id)
        .where(sessions.c.id.in_(ids), oauth_clients.c.backchannel_logout_uri.is_not(None))
    )
    lease = Lease.of(
        LogoutDelivery(
            id=row.id,
            user_id=row.user_id,
            session_id=row.browser_session_id,
            attempts=row.logout_attempts,
            client_id=row.client_id,
            uri=row.backchannel_logout_uri,
            algorithm=IdTokenAlgorithm(row.id_token_alg),
        )
        for row in connection.execute(statement)
    )
    _end(connection, set(ids) - {delivery.id for delivery in lease.deliveries})
    return lease


def _end(connection: sa.Connection, ids: AbstractSet[uuid.UUID]) -> None:
    if ids:
        ended = sessions.update().where(sessions.c.id.in_(ids))
        connection.execute(ended.values(**_DONE))


def _finish(connection: sa.Connection, delivery: LogoutDelivery) -> None:
    connection.execute(_update_of_lease(delivery).values(**_DONE))


def _reschedule(connection: sa.Connection, delivery: LogoutDelivery, seconds: int) -> None:
    connection.execute(_update_of_lease(delivery).values(logout_due_at=utc_now(seconds)))


def _update_of_lease(delivery: LogoutDelivery) -> sa.Update:
    return sessions.update().where(
        sessions.c.id == delivery.id, sessions.c.logout_attempts == delivery.attempts
    )


ENDED_SESSIONS: Final = Outbox(_is_any_due, _lease, _finish, _reschedule)
