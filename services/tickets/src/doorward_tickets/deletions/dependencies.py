"""Dependencies of the endpoint that deletes tickets."""

from typing import Annotated

from doorward_kit.dependencies import provide
from doorward_tickets.deletions.service import DeletionService

Deletions = Annotated[DeletionService, provide(DeletionService)]
