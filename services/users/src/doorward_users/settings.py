"""Settings of the users service."""

from enum import StrEnum
from pathlib import Path

from pydantic import Field

from doorward_identity.settings import IdentitySettings
from doorward_mail.settings import MailTransportSettings


class DirectoryVisibility(StrEnum):
    """The part of other users' entries that users see; holders of `users:read` see everything."""

    NAMES = "names"
    """Everything but addresses."""
    MEMBERS = "members"
    """Everything."""
    ADMINS = "admins"
    """Nothing."""


class UsersSettings(MailTransportSettings, IdentitySettings):
    """Settings of the users service, added to those of every service."""

    smtp_host: str | None = Field(
        default=None,
        description="The mail server of auth, which mails the invitations. Without it (and without a mailbox"
        " folder) users cannot be invited (`mail_not_configured`).",
    )
    mailbox_dir: Path | None = Field(default=None, description="The mailbox folder of auth, for development.")
    directory_visibility: DirectoryVisibility = Field(
        default=DirectoryVisibility.NAMES,
        description="What users without the permission `users:read` see of others: `names` (everything but"
        " addresses), `members` (addresses, too) or `admins` (nothing).",
    )
    admin_set_password_must_change: bool = Field(
        default=False,
        description="Whether users must change a password that an administrator set before they sign in.",
    )
