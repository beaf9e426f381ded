"""Queries of the userinfo endpoint."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

import sqlalchemy as sa

from doorward_auth.oidc import groups
from doorward_auth.sessions.repository import OF_CURRENT_CREDENTIALS
from doorward_identity.accounts import Status
from doorward_identity.tables import sessions, users
from doorward_kit.select_by_keys import SelectByKeys


class TokenKey(NamedTuple):
    """What an access token says about its session, and whether the names of groups are asked for."""

    session_id: uuid.UUID
    user_id: uuid.UUID
    token_version: int
    with_groups: bool


class TokenUser(NamedTuple):
    """The user of an access token. `group_names` are as of `groups.names_of_users`, None if not asked for."""

    email: str
    name: str
    email_verified_at: datetime | None
    group_names: Sequence[str] | None

    @property
    def is_verified(self) -> bool:
        """Whether the address is proven."""
        return self.email_verified_at is not None


_OF_SESSIONS: Final = SelectByKeys(
    sa.select(
        sessions.c.id,
        users.c.id.label("user_id"),
        users.c.token_version,
        users.c.email,
        users.c.name,
        users.c.email_verified_at,
    )
    .join(users, sessions.c.user_id == users.c.id)
    .where(sessions.c.ended_at.is_(None), OF_CURRENT_CREDENTIALS, users.c.status == Status.ACTIVE.value),
    sessions.c.id,
)


def find_users(connection: sa.Connection, keys: Sequence[TokenKey]) -> dict[TokenKey, TokenUser]:
    """Read the users of access tokens.

    Left out are tokens whose session has ended or is of older credentials, and those that were revoked with
    all others of their user.
    """
    session_ids = list({key.session_id for key in keys})
    rows = {row.id: row for row in _OF_SESSIONS.execute(connection, session_ids)}
    valid = [
        (key, row)
        for key in keys
        if (row := rows.get(key.session_id))
        and (row.user_id, row.token_version) == (key.user_id, key.token_version)
    ]
    names = groups.names_of_users(connection, {key.user_id for key, _ in valid if key.with_groups})
    return {
        key: TokenUser(
            row.email,
            row.name,
            row.email_verified_at,
            names.get(key.user_id, ()) if key.with_groups else None,
        )
        for key, row in valid
    }
