"""The service that the endpoint of revocations depends on."""

from typing import Annotated

from doorward_auth.revocation_feed.change_log import RevocationChangeLog
from doorward_kit.dependencies import provide

ChangeLog = Annotated[RevocationChangeLog, provide(RevocationChangeLog)]
