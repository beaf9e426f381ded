"""Queries on the clients to notify of deleted users. The users service writes the rows."""

from typing import Final

import sqlalchemy as sa

from doorward_auth.oidc.backchannel.outbox import Lease, LogoutDelivery, Outbox
from doorward_auth.oidc.clients.client import IdTokenAlgorithm
from doorward_identity.tables import logout_deliveries, oauth_clients
from doorward_kit.column_types import utc_now

_C: Final = logout_deliveries.c
_IS_DUE: Final = _C.due_at <= utc_now()


def _is_any_due(connection: sa.Connection) -> bool:
    return connection.execute(sa.select(_C.id).where(_IS_DUE).limit(1)).scalar() is not None


def _lease(connection: sa.Connection, count: int, seconds: int) -> Lease:
    """Lease rows; what is over is deleted, and rows whose client has no endpoint."""
    due = sa.select(_C.id).where(_IS_DUE).limit(count).with_for_update(skip_locked=True)
    ids = list(connection.execute(due).scalars())
    if not ids:
        return Lease([], [])
    counted = logout_deliveries.update().where(_C.id.in_(ids))
    connection.execute(counted.values(attempts=_C.attempts + 1, due_at=utc_now(seconds)))
    statement = (
        sa.select(
            _C.id,
            _C.user_id,
            _C.attempts,
            oauth_clients.c.client_id,
            oauth_clients.c.backchannel_logout_uri,
            oauth_clients.c.id_token_alg,
        )
        .join(oauth_clients, oauth_clients.c.id == _C.oauth_client_id)
        .where(_C.id.in_(ids), oauth_clients.c.backchannel_logout_uri.is_not(None))
    )
    lease = Lease.of(
        LogoutDelivery(
            id=row.id,
            user_id=row.user_id,
            session_id=None,
            attempts=row.attempts,
            client_id=row.client_id,
            uri=row.backchannel_logout_uri,
            algorithm=IdTokenAlgorithm(row.id_token_alg),
        )
        for row in connection.execute(statement)
    )
    done = set(ids) - {delivery.id for delivery in lease.deliveries}
    if done:
        connection.execute(logout_deliveries.delete().where(_C.id.in_(done)))
    return lease


def _finish(connection: sa.Connection, delivery: LogoutDelivery) -> None:
    connection.execute(
        logout_deliveries.delete().where(_C.id == delivery.id, _C.attempts == delivery.attempts)
    )


def _reschedule(connection: sa.Connection, delivery: LogoutDelivery, seconds: int) -> None:
    leased = logout_deliveries.update().where(_C.id == delivery.id, _C.attempts == delivery.attempts)
    connection.execute(leased.values(due_at=utc_now(seconds)))


DELETED_USERS: Final = Outbox(_is_any_due, _lease, _finish, _reschedule)
