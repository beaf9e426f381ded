"""The accounts that can administer the installation: one must remain, whichever service changes accounts."""

import uuid
from collections.abc import Callable
from typing import Final, Protocol, TypeVar

import sqlalchemy as sa

from doorward_client.permissions import Permission, permissions_of, roles_with
from doorward_identity import sentinels
from doorward_identity.accounts import Status
from doorward_identity.sentinels import Sentinel
from doorward_identity.tables import users

_ADMINISTERS: Final = Permission.ROLES_ASSIGN
"""One account must keep this permission, because with it every other administrator can be appointed."""

_ADMIN_ROLES: Final = [role.value for role in roles_with(_ADMINISTERS)]


class AccountWithRole(Protocol):
    """An account as a service reads it, with what decides whether it can administer."""

    @property
    def id(self) -> uuid.UUID: ...

    @property
    def role(self) -> str: ...

    @property
    def status(self) -> str: ...


A = TypeVar("A", bound=AccountWithRole)


def administers(role: str, status: str) -> bool:
    """Tell whether an account with this role and status can administer the installation."""
    return status == Status.ACTIVE and _ADMINISTERS in permissions_of(role)


def lock_administrators(connection: sa.Connection) -> list[uuid.UUID]:
    """Lock the active accounts that can assign roles, in one order for all callers; return their ids.

    Otherwise two callers could each remove a different one of the last two. Row locks are of one database
    node; so a row is written, too, of which a cluster accepts one write (sentinels.py).
    """
    sentinels.write(connection, Sentinel.ADMINISTRATORS)
    statement = (
        sa.select(users.c.id)
        .where(users.c.role.in_(_ADMIN_ROLES), users.c.status == Status.ACTIVE.value)
        .order_by(users.c.role, users.c.created_at, users.c.id)
        .with_for_update()
    )
    return list(connection.execute(statement).scalars())


def lock_for_demotion(
    connection: sa.Connection,
    user_id: uuid.UUID,
    *,
    find: Callable[[sa.Connection, uuid.UUID], A | None],
    lock: Callable[[sa.Connection, uuid.UUID], A],
) -> tuple[A, bool]:
    """Lock an account that may stop being an administrator; return it, and whether it is the last one.

    All administrators are locked before the account itself, in one order: two callers who remove one
    administrator each take turns and do not deadlock. Raises as `lock` does.
    """
    seen = find(connection, user_id)
    admins = lock_administrators(connection) if seen is not None and _is_admin(seen) else None
    account = lock(connection, user_id)
    if admins is None and _is_admin(account):
        # Appointed between the two reads. A deadlock here is broken by the database, and retried.
        admins = lock_administrators(connection)
    return account, admins == [account.id]


def _is_admin(account: AccountWithRole) -> bool:
    return administers(account.role, account.status)
