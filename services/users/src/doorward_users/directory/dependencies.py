"""Dependencies of endpoints about accounts."""

from typing import Annotated

from doorward_kit.dependencies import provide
from doorward_users.directory.service import AccountService

Accounts = Annotated[AccountService, provide(AccountService)]
