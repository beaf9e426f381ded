"""The service that endpoints of discovery depend on."""

from typing import Annotated

from doorward_auth.discovery.service import DiscoveryService
from doorward_kit.dependencies import provide

Discovery = Annotated[DiscoveryService, provide(DiscoveryService)]
