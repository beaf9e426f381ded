"""The endpoint that deletes a ticket."""

import uuid
from typing import Annotated

from starlette.responses import Response

from doorward_kit.dependencies import provide
from doorward_kit.etags import IfMatch
from doorward_kit.routing import api_router
from doorward_tickets.deletions.service import DeletionService
from doorward_tickets.tickets.service import PREFIX
from doorward_tickets.users.dependencies import ActingDeleter

Deletions = Annotated[DeletionService, provide(DeletionService)]

router = api_router(prefix=PREFIX, tag="tickets")


@router.delete("/{ticket_id}", status_code=204, summary="Delete a ticket with its replies")
async def delete_ticket(
    ticket_id: uuid.UUID, caller: ActingDeleter, deletions: Deletions, if_match: IfMatch = None
) -> Response:
    """Delete a ticket, its replies and its unsent mail. It cannot be undone."""
    await deletions.delete(caller, ticket_id, if_match)
    return Response(status_code=204)
