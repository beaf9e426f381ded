"""What an account can be."""

from enum import StrEnum


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
