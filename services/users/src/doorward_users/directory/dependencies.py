"""Dependencies of the directory's endpoints."""

from typing import Annotated

from doorward_kit.dependencies import provide
from doorward_users.directory.administration import AccountAdministration
from doorward_users.directory.service import DirectoryService

Directory = Annotated[DirectoryService, provide(DirectoryService)]
Administration = Annotated[AccountAdministration, provide(AccountAdministration)]
