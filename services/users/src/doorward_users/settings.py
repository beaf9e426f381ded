"""Settings of the users service."""

from enum import StrEnum

from pydantic import Field

from doorward_identity.settings import IdentitySettings


class DirectoryReaders(StrEnum):
    """Who may read other people's entries."""

    MEMBERS = "members"
    ADMINS = "admins"


class AdminPasswords(StrEnum):
    """What a password is that an administrator chooses for somebody."""

    PERMANENT = "permanent"
    TEMPORARY = "temporary"


class UsersSettings(IdentitySettings):
    """What the users service needs to know besides what every service does."""

    directory_readers: DirectoryReaders = Field(
        default=DirectoryReaders.MEMBERS,
        description="Who reads the directory: `members` (everybody signed in) or `admins`.",
    )
    admin_passwords: AdminPasswords = Field(
        default=AdminPasswords.PERMANENT,
        description="What a password is that an administrator sets: `permanent`, or `temporary`, which opens"
        " nothing until its owner has changed it.",
    )
