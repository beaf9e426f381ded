"""Which accounts a caller may change: one administrator remains, and permissions limit the reach."""

import uuid

import sqlalchemy as sa

from doorward_identity import administrators
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
    """Lock an account that may stop being an administrator; raises as `lock` does, and LastAdminError."""
    user, is_last = administrators.lock_for_demotion(
        connection,
        user_id,
        find=repository.find_user,
        lock=lambda connection, user_id: lock(connection, user_id, if_match),
    )
    if is_last:
        raise LastAdminError
    return user
