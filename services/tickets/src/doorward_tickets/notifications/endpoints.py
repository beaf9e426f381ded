"""Endpoints of subscriptions and of dead letters."""

import uuid
from typing import Annotated, Final

from fastapi import Depends
from starlette.responses import Response

from doorward_client.fastapi import CurrentUser
from doorward_kit.dependencies import provide
from doorward_kit.openapi import describe
from doorward_kit.routing import api_router
from doorward_mail.dead_letters.endpoints import dead_letter_router
from doorward_tickets.notifications.dead_letters import (
    MailSupersededError,
    TicketDeadLetter,
    TicketDeadLetterService,
)
from doorward_tickets.notifications.subscriptions import SubscriptionService
from doorward_tickets.users.dependencies import require_current_manager

Subscriptions = Annotated[SubscriptionService, provide(SubscriptionService)]

PREFIX: Final = "/api/v1/tickets"

router = api_router(prefix=PREFIX + "/{ticket_id}", tag="tickets")
dead_letters_router = dead_letter_router(
    PREFIX,
    provide(TicketDeadLetterService),
    TicketDeadLetter,
    noun="Ticket",
    before_changes=[Depends(require_current_manager)],
    retry_errors={
        MailSupersededError.status: describe(
            f"`{MailSupersededError.code}`: a newer mail says everything that this one would say."
        )
    },
)


@router.put("/subscription", status_code=204, summary="Subscribe to a ticket")
async def subscribe_to_ticket(
    ticket_id: uuid.UUID, caller: CurrentUser, subscriptions: Subscriptions
) -> Response:
    """Get mail about a ticket again. Participants are subscribed until they unsubscribe."""
    await subscriptions.subscribe(caller, ticket_id)
    return Response(status_code=204)


@router.delete("/subscription", status_code=204, summary="Unsubscribe from a ticket")
async def unsubscribe_from_ticket(
    ticket_id: uuid.UUID, caller: CurrentUser, subscriptions: Subscriptions
) -> Response:
    """Get no more mail about a ticket."""
    await subscriptions.unsubscribe(caller, ticket_id)
    return Response(status_code=204)
