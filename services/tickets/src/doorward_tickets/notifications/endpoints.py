"""Endpoints of muting, and of mail that could not be sent."""

import uuid
from typing import Final

from fastapi import Depends
from starlette.responses import Response

from doorward_client.fastapi import CurrentUser
from doorward_kit.openapi import describe
from doorward_kit.routing import api_router
from doorward_mail.dead_letters.endpoints import dead_letter_router
from doorward_tickets.dependencies import Mutes, dead_letters, require_unchanged_account
from doorward_tickets.notifications.errors import MailSupersededError
from doorward_tickets.notifications.schemas import TicketDeadLetter

PREFIX: Final = "/api/v1/tickets"

router = api_router(prefix=PREFIX + "/{ticket_id}", tag="tickets")
dead_letters_router = dead_letter_router(
    PREFIX,
    Depends(dead_letters),
    TicketDeadLetter,
    before_changes=[Depends(require_unchanged_account)],
    retry_errors={
        MailSupersededError.status: describe(
            f"`{MailSupersededError.code}`: a newer mail tells all that this one would have told."
        )
    },
)


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
