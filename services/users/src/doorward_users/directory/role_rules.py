"""Which accounts a caller may change: one administrator remains, and permissions limit the reach."""

import uuid

import sqlalchemy as sa

from doorward_client.permissions import Permission, permissions_of
from doorward_identity.accounts import Status
from doorward_kit.etags import check_if_match
from doorward_users.directory import repository
from doorward_users.directory.errors import LastAdminError, UserNotFoundError
from doorward_users.directory.repository import UserRow

_ADMINISTERS = Permission.ROLES_ASSIGN
"""One account must keep this permission, because with it every other administrator can be appointed."""


def administers(role: str, status: str) -> bool:
    """Tell whether an account with this role and status can administer the installation."""
    return status == Status.ACTIVE and _ADMINISTERS in permissions_of(role)


def lock(connection: sa.Connection, user_id: uuid.UUID, if_match: str | None) -> UserRow:
    """Lock an account to change it; raises UserNotFoundError, PreconditionFailedError."""
    user = repository.lock_user(connection, user_id)
    if user is None:
        raise UserNotFoundError
    check_if_match(if_match, user.version)
    return user


def lock_for_demotion(connection: sa.Connection, user_id: uuid.UUID, if_match: str | None) -> UserRow:
    """Lock an account that may stop being an administrator; raises as `lock` does, and LastAdminError.

    All administrators are locked before the account itself, in one order: two callers who remove one
    administrator each take turns and do not deadlock.
    """
    seen = repository.find_user(connection, user_id)
    admins = repository.lock_administrators(connection) if seen and _is_admin(seen) else None
    user = lock(connection, user_id, if_match)
    if admins is None and _is_admin(user):
        # Appointed between the two reads. A deadlock here is broken by the database, and retried.
        admins = repository.lock_administrators(connection)
    if admins == [user.id]:
        raise LastAdminError
    return user


def _is_admin(user: UserRow) -> bool:
    return administers(user.role, user.status)
