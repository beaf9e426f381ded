"""Checks that a caller may still act, and on which accounts."""

from typing import Final

import sqlalchemy as sa

from doorward_client.bearer_auth import (
    InsufficientPermissionError,
    InsufficientScopeError,
    InsufficientUserAuthenticationError,
    InvalidAccessTokenError,
)
from doorward_client.errors import DoorwardError
from doorward_client.permissions import Permission, permissions_of
from doorward_client.tokens import Claims
from doorward_identity.accounts import Status
from doorward_identity.tables import users

_TOKEN_VERSION: Final = sa.select(users.c.token_version).where(
    users.c.id == sa.bindparam("user_id"), users.c.status == Status.ACTIVE.value
)


class TargetOutranksCallerError(DoorwardError):
    """403: the account holds, or would get, a permission that the caller lacks."""

    status = 403
    code = "target_outranks_caller"
    detail = "This account has, or would get, a permission that you do not have."


AUTHORITY_ERRORS: Final = (
    InsufficientPermissionError,
    InsufficientScopeError,
    InsufficientUserAuthenticationError,
    TargetOutranksCallerError,
)
"""Rejections of callers who may not do what they want."""


def require_unchanged_account(connection: sa.Connection, caller: Claims) -> None:
    """Raise InvalidAccessTokenError if the caller's account changed since the token was issued.

    Reads trust a token for its lifetime. A write opens a transaction anyway, so it compares: a caller who
    was demoted, disabled or deleted a moment ago changes nothing (ASVS 8.3.2).
    """
    token_version = connection.execute(_TOKEN_VERSION, {"user_id": caller.user_id}).scalar_one_or_none()
    if token_version != caller.token_version:
        raise InvalidAccessTokenError


def require_authority(caller: Claims, role: str, new_role: str | None = None) -> None:
    """Raise unless the caller may change an account with `role`, and give it `new_role`.

    TargetOutranksCallerError: the account holds, or would get, a permission that the caller lacks.
    InsufficientPermissionError: the caller may not assign roles.
    """
    if new_role is not None and new_role != role and not caller.may(Permission.ROLES_ASSIGN):
        raise InsufficientPermissionError(Permission.ROLES_ASSIGN)
    if not permissions_of(role) | permissions_of(new_role or role) <= caller.permissions:
        raise TargetOutranksCallerError
