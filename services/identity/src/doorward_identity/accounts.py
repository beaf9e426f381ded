"""What an account can be, and what one begins with."""

import uuid
from enum import StrEnum
from typing import Any

from doorward_client.permissions import Role
from doorward_identity.emails import email_key
from doorward_identity.names import name_key
from doorward_kit.column_types import utc_now


class Status(StrEnum):
    """Whether an account may sign in."""

    ACTIVE = "active"
    DISABLED = "disabled"


class SessionEnd(StrEnum):
    """Why a session ended."""

    LOGOUT = "logout"
    REVOKED = "revoked_by_service"
    REUSE = "refresh_token_reuse"
    DISABLED = "account_disabled"
    PASSWORD = "password_changed"  # noqa: S105 - a reason, not a secret
    ROLE = "role_changed"


def new_account(
    user_id: uuid.UUID, email: str, name: str, role: Role, *, is_verified: bool
) -> dict[str, Any]:
    """Return what a new row of `users` says of somebody: all but its token_version, version and times.

    Raises InvalidEmailError.
    """
    return {
        "id": user_id,
        "email": email,
        "email_key": email_key(email),
        "name": name,
        "name_key": name_key(name),
        "role": role.value,
        "status": Status.ACTIVE.value,
        "email_verified_at": utc_now() if is_verified else None,
    }
