"""The service that the endpoint of events depends on."""

from typing import Annotated

from doorward_auth.events.service import EventService
from doorward_kit.dependencies import provide

Events = Annotated[EventService, provide(EventService)]
