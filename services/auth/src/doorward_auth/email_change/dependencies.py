"""The service that endpoints of email changes depend on."""

from typing import Annotated

from doorward_auth.email_change.service import EmailChangeService
from doorward_kit.dependencies import provide

EmailChanges = Annotated[EmailChangeService, provide(EmailChangeService)]
