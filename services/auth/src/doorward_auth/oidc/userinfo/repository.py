"""Queries of the userinfo endpoint."""

import uuid
from typing import Final

import sqlalchemy as sa

from doorward_auth import account_repository
from doorward_auth.account_repository import Account
from doorward_auth.sessions.repository import OF_CURRENT_CREDENTIALS
from doorward_identity.accounts import Status
from doorward_identity.tables import credentials, sessions, users

_OF_SESSION: Final = (
    sa.select(*account_repository.COLUMNS)
    .join(sessions, sessions.c.user_id == users.c.id)
    .outerjoin(credentials, credentials.c.user_id == users.c.id)
    .where(
        sessions.c.id == sa.bindparam("session_id"),
        sessions.c.user_id == sa.bindparam("user_id"),
        sessions.c.ended_at.is_(None),
        OF_CURRENT_CREDENTIALS,
        users.c.status == Status.ACTIVE.value,
        users.c.token_version == sa.bindparam("token_version"),
    )
)


def find_account(
    connection: sa.Connection, session_id: uuid.UUID, user_id: uuid.UUID, token_version: int
) -> Account | None:
    """Read the account of an access token.

    None if the session has ended or is of older credentials, or the user's tokens were revoked since.
    """
    values = {"session_id": session_id, "user_id": user_id, "token_version": token_version}
    row = connection.execute(_OF_SESSION, values).one_or_none()
    return None if row is None else Account(*row)
