"""Settings of the users service."""

from enum import StrEnum

from pydantic import Field

from doorward_identity.settings import IdentitySettings


class DirectoryVisibility(StrEnum):
    """What users see of others; holders of `users:read` see everything."""

    NAMES = "names"
    """Everything but addresses."""
    MEMBERS = "members"
    """Everything."""
    ADMINS = "admins"
    """Nothing."""


class UsersSettings(IdentitySettings):
    """Settings of the users service, added to those of every service."""

    directory_visibility: DirectoryVisibility = Field(
        default=DirectoryVisibility.NAMES,
        description="What users without the permission `users:read` see of others: `names` (everything but"
        " addresses), `members` (addresses, too) or `admins` (nothing).",
    )
    admin_set_password_must_change: bool = Field(
        default=False,
        description="Whether users must change a password that an administrator set before they sign in.",
    )
