"""Clients to notify when a user is deleted (OpenID Connect Back-Channel Logout).

For other users the rows of their ended sessions stay. Auth notifies the clients.
"""

import uuid
from typing import Final

import sqlalchemy as sa
import uuid_utils.compat as uuid7s

from doorward_identity.tables import logout_deliveries, sessions
from doorward_kit.column_types import utc_now

MAX_ATTEMPTS: Final = 3
"""Attempts to notify a client that does not accept."""


def announce_deletion(connection: sa.Connection, user_id: uuid.UUID) -> None:
    """Store the clients to notify, in the transaction that deletes a locked user, before the deletion.

    One note for each client with a session of the user that is live, or whose end the client does not know.
    Of a session whose last attempt is under way it does not: the attempt may fail, and the session is gone.
    """
    waiting = sa.select(sessions.c.oauth_client_id).where(
        sessions.c.user_id == user_id, sessions.c.logout_attempts.is_not(None)
    )
    clients = connection.execute(waiting.distinct()).scalars().all()
    if not clients:
        return
    values = {"user_id": user_id, "attempts": 0, "due_at": utc_now()}
    connection.execute(
        logout_deliveries.insert().values(
            [{"id": uuid7s.uuid7(), "oauth_client_id": client, **values} for client in clients]
        )
    )
