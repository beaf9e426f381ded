"""The service that the endpoint of revocations depends on."""

from typing import Annotated

from doorward_auth.revocation_feed.service import RevocationFeed
from doorward_kit.dependencies import provide

RevocationFeedDep = Annotated[RevocationFeed, provide(RevocationFeed)]
