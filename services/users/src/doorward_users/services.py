"""The services of the users application: one object a feature, created once a process."""

from dataclasses import dataclass
from typing import Self

from doorward_identity.audit.service import AuditLog
from doorward_identity.resources import IdentityResources
from doorward_users.avatars.service import AvatarService
from doorward_users.directory.administration import AccountAdministration
from doorward_users.directory.index_task import DirectoryIndexTask
from doorward_users.directory.service import DirectoryService
from doorward_users.export.service import ExportService
from doorward_users.groups.service import GroupService
from doorward_users.settings import UsersSettings


@dataclass(frozen=True, slots=True)
class UsersServices:
    """The container that `provide` takes services from."""

    directory: DirectoryService
    administration: AccountAdministration
    avatars: AvatarService
    audit: AuditLog
    groups: GroupService
    exports: ExportService
    directory_index: DirectoryIndexTask

    @classmethod
    def create(cls, settings: UsersSettings, resources: IdentityResources) -> Self:
        """Create each service; raises SettingsError."""
        directory = DirectoryService(resources, settings)
        return cls(
            directory=directory,
            administration=AccountAdministration(resources, settings),
            avatars=AvatarService(resources, directory),
            audit=AuditLog(resources, settings),
            groups=GroupService(resources, settings),
            exports=ExportService(resources),
            directory_index=DirectoryIndexTask(resources.database),
        )
