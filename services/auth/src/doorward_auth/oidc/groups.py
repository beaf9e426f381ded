"""Queries on the groups that users are in."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from typing import Final

import sqlalchemy as sa

from doorward_auth.group_claims import MAX_GROUPS
from doorward_auth.oidc import scopes
from doorward_auth.oidc.clients.client import RegisteredClient
from doorward_identity.tables import group_members, user_groups

_OF_USER: Final = (
    sa.select(user_groups.c.name)
    .join(group_members, group_members.c.group_id == user_groups.c.id)
    .where(group_members.c.user_id == sa.bindparam("user_id"))
)
_NUMBERED: Final = (
    sa.select(
        group_members.c.user_id,
        user_groups.c.name,
        sa.func.row_number()
        .over(partition_by=group_members.c.user_id, order_by=user_groups.c.name)
        .label("number"),
    )
    .join(user_groups, user_groups.c.id == group_members.c.group_id)
    .where(group_members.c.user_id.in_(sa.bindparam("user_ids", expanding=True)))
    .subquery("numbered")
)
_OF_USERS: Final = (
    sa.select(_NUMBERED.c.user_id, _NUMBERED.c.name)
    .where(_NUMBERED.c.number <= MAX_GROUPS + 1)
    .order_by(_NUMBERED.c.number)
)


def granted_names(
    connection: sa.Connection, user_id: uuid.UUID, granted: Collection[str]
) -> Sequence[str] | None:
    """Read a user's groups as `names_of_users` does; None if the scopes do not include `groups`."""
    if scopes.GROUPS not in granted:
        return None
    return names_of_users(connection, [user_id]).get(user_id, ())


def names_of_users(
    connection: sa.Connection, user_ids: Collection[uuid.UUID]
) -> Mapping[uuid.UUID, Sequence[str]]:
    """Read the names of users' groups in their order, and one past MAX_GROUPS if there are more.

    Users without a group are left out.
    """
    found: dict[uuid.UUID, list[str]] = {}
    if user_ids:
        for row in connection.execute(_OF_USERS, {"user_ids": list(user_ids)}):
            found.setdefault(row.user_id, []).append(row.name)
    return found


def may_use(connection: sa.Connection, user_id: uuid.UUID, client: RegisteredClient) -> bool:
    """Tell whether a user is in one of a client's groups; a client without groups is for everyone."""
    if not client.allowed_groups:
        return True
    found = _OF_USER.where(user_groups.c.name.in_(client.allowed_groups)).limit(1)
    return connection.execute(found, {"user_id": user_id}).one_or_none() is not None
