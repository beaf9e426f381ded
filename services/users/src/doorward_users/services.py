"""The services of users: one object a feature, each made once."""

from dataclasses import dataclass
from typing import Self

from doorward_identity.audit.service import AuditLog
from doorward_identity.resources import IdentityResources
from doorward_users.directory.service import AccountService
from doorward_users.settings import UsersSettings


@dataclass(frozen=True, slots=True)
class UsersServices:
    """The container that endpoints get their service from."""

    directory: AccountService
    audit: AuditLog

    @classmethod
    def create(cls, settings: UsersSettings, resources: IdentityResources) -> Self:
        """Make each service; raises SettingsError."""
        return cls(directory=AccountService(resources, settings), audit=AuditLog(resources, settings))
