"""Locking accounts that are about to change: the last administrator stays."""

import uuid

import sqlalchemy as sa

from doorward_client.roles import Role
from doorward_identity.accounts import Status
from doorward_kit.etags import check_if_match
from doorward_users.directory import repository
from doorward_users.directory.errors import LastAdminError, UserNotFoundError
from doorward_users.directory.repository import UserRow


def lock(connection: sa.Connection, user_id: uuid.UUID, if_match: str | None) -> UserRow:
    """Lock an account to change it; raises UserNotFoundError, PreconditionFailedError."""
    user = repository.lock_user(connection, user_id)
    if user is None:
        raise UserNotFoundError
    check_if_match(if_match, user.version)
    return user


def lock_for_demotion(connection: sa.Connection, user_id: uuid.UUID, if_match: str | None) -> UserRow:
    """Lock an account that is about to stop being an active administrator, if it is one.

    Raises LastAdminError when nobody would be left. All administrators are locked, and before the
    account's own row: two callers who each remove one take turns and do not deadlock.
    """
    seen = repository.find_user(connection, user_id)
    admins = repository.lock_active_admins(connection) if seen and _is_active_admin(seen) else None
    user = lock(connection, user_id, if_match)
    if admins is None and _is_active_admin(user):
        # Appointed between the two reads. A deadlock here is broken by the database, and retried.
        admins = repository.lock_active_admins(connection)
    if admins == [user.id]:
        raise LastAdminError
    return user


def _is_active_admin(user: UserRow) -> bool:
    return user.role == Role.ADMIN and user.status == Status.ACTIVE
