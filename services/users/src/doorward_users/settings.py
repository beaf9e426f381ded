"""Settings of the users service."""

from enum import StrEnum

from pydantic import Field

from doorward_identity.settings import IdentitySettings


class DirectoryVisibility(StrEnum):
    """Who may read the entries of other users."""

    MEMBERS = "members"
    ADMINS = "admins"


class UsersSettings(IdentitySettings):
    """Settings of the users service, added to those of every service."""

    directory_visibility: DirectoryVisibility = Field(
        default=DirectoryVisibility.MEMBERS,
        description="Who reads the directory: `members` (every signed-in user) or `admins` (holders of the"
        " permission `users:read`).",
    )
    admin_set_password_must_change: bool = Field(
        default=False,
        description="Whether users must change a password that an administrator set before they sign in.",
    )
