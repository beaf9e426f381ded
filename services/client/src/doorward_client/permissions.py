"""Roles and what each permits: the one table that every route's authorization is read from.

Routes require a permission and never compare a role, so a new role is one line here. A verifier
that meets a role it does not know grants it no permission; the token stays valid for the caller's
own data.
"""

import re
from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Final


class Permission(StrEnum):
    """The permissions of a caller beyond the caller's own data."""

    USERS_READ = "users:read"
    USERS_WRITE = "users:write"
    ROLES_ASSIGN = "roles:assign"
    SESSIONS_END = "sessions:end"
    AUDIT_READ = "audit:read"
    MAIL_MANAGE = "mail:manage"
    CLIENTS_MANAGE = "clients:manage"
    TICKETS_READ_ALL = "tickets:read_all"
    TICKETS_MANAGE = "tickets:manage"
    TICKETS_DELETE = "tickets:delete"


class Role(StrEnum):
    """The roles that accounts can have."""

    ADMIN = "admin"
    AUDITOR = "auditor"
    USER = "user"


Permissions = frozenset[str]
"""Permissions of Doorward, and those that a team's own service adds to roles."""

NO_PERMISSIONS: Final[Permissions] = frozenset()

ROLE_PERMISSIONS: Final[Mapping[str, Permissions]] = {
    Role.ADMIN: frozenset(Permission.__members__.values()),
    Role.AUDITOR: frozenset({Permission.USERS_READ, Permission.AUDIT_READ}),
    Role.USER: NO_PERMISSIONS,
}

FULL_SCOPE: Final = "doorward"
"""The scope of a first-party token: everything that the role permits."""

ACCOUNT_SCOPE: Final = "account"
"""The scope of the caller's own data."""

SCOPE_LIST: Final = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*")
"""Scopes as tokens and requests have them, with one space between two (RFC 6749 section 3.3)."""


def permissions_of(
    role: str, scopes: Collection[str] | None = None, table: Mapping[str, Permissions] = ROLE_PERMISSIONS
) -> Permissions:
    """Return the permissions of a role; none for an unknown one.

    Scopes only narrow them. None, as in a token without the claim, and FULL_SCOPE leave them as they are.
    """
    granted = table.get(role, NO_PERMISSIONS)
    if scopes is None or FULL_SCOPE in scopes:
        return granted
    return frozenset(permission for permission in granted if permission in scopes)


def extended(additions: Mapping[str, Collection[str]]) -> Mapping[str, Permissions]:
    """Return the table with a team's own permissions added: `{"admin": {"reports:delete"}}`."""
    roles = ROLE_PERMISSIONS.keys() | additions.keys()
    return {role: permissions_of(role) | frozenset(additions.get(role, ())) for role in roles}


def roles_with(permission: Permission) -> tuple[Role, ...]:
    """Return the roles that hold a permission, in the order of `Role`."""
    return tuple(role for role in Role if permission in ROLE_PERMISSIONS[role])
