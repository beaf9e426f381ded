"""Endpoints of muting."""

import uuid

from starlette.responses import Response

from doorward_common.guard import CurrentUser
from doorward_common.routing import strict_router
from doorward_tickets.dependencies import Mutes

router = strict_router(prefix="/api/v1/tickets/{ticket_id}", tag="tickets")


@router.put("/mute", status_code=204, summary="Get no mail about a ticket")
async def mute(ticket_id: uuid.UUID, caller: CurrentUser, mutes: Mutes) -> Response:
    """Mute a ticket for yourself; one that is muted stays so."""
    await mutes.mute(caller, ticket_id)
    return Response(status_code=204)


@router.delete("/mute", status_code=204, summary="Get mail about a ticket again")
async def unmute(ticket_id: uuid.UUID, caller: CurrentUser, mutes: Mutes) -> Response:
    """Undo muting; one that is not muted stays so."""
    await mutes.unmute(caller, ticket_id)
    return Response(status_code=204)
