"""Settings of the users service."""

from enum import StrEnum

from pydantic import Field

from doorward_identity.settings import IdentitySettings


class DirectoryVisibility(StrEnum):
    """Who may read other people's entries."""

    MEMBERS = "members"
    ADMINS = "admins"


class UsersSettings(IdentitySettings):
    """What the users service needs to know besides what every service does."""

    directory_visibility: DirectoryVisibility = Field(
        default=DirectoryVisibility.MEMBERS,
        description="Who reads the directory: `members` (everybody signed in) or `admins`.",
    )
    admin_set_password_must_change: bool = Field(
        default=False,
        description="Whether users must change a password that an administrator set before they can sign in.",
    )
