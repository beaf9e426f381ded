"""What endpoints of the tickets service are handed."""

from typing import Annotated

from fastapi import Depends, Request

from doorward_client.fastapi import CurrentUser, Permission, requires
from doorward_client.tokens import Claims
from doorward_kit.accept_language import preferred_language
from doorward_mail.dead_letters.service import DeadLetterService
from doorward_tickets.context import TicketsContext
from doorward_tickets.notifications.mutes_service import MutesService
from doorward_tickets.replies.service import ReplyService
from doorward_tickets.tickets.service import TicketService
from doorward_tickets.user_snapshots.caller import Caller


async def _tickets(request: Request) -> TicketService:
    service: TicketService = request.app.state.tickets
    return service


async def _replies(request: Request) -> ReplyService:
    service: ReplyService = request.app.state.replies
    return service


async def _muting(request: Request) -> MutesService:
    service: MutesService = request.app.state.muting
    return service


async def dead_letters(request: Request) -> DeadLetterService:
    """Find what decides about mail that could not be sent."""
    service: DeadLetterService = request.app.state.dead_letters
    return service


async def _acting_user(request: Request, claims: CurrentUser) -> Caller:
    # CurrentUser has seen that there is one such header and that it is good.
    return _caller(request, claims)


async def _acting_admin(
    request: Request, claims: Annotated[Claims, requires(Permission.TICKETS_MANAGE)]
) -> Caller:
    return _caller(request, claims)


def _caller(request: Request, claims: Claims) -> Caller:
    headers = request.headers
    return Caller(claims, headers["authorization"], preferred_language(headers.get("accept-language", "")))


Tickets = Annotated[TicketService, Depends(_tickets)]
Replies = Annotated[ReplyService, Depends(_replies)]
Mutes = Annotated[MutesService, Depends(_muting)]
ActingUser = Annotated[Caller, Depends(_acting_user)]
ActingAdmin = Annotated[Caller, Depends(_acting_admin)]


async def require_unchanged_account(request: Request, caller: ActingAdmin) -> None:
    """Raise InvalidAccessTokenError for whoever is no administrator any more, as far as can be known now."""
    means: TicketsContext = request.app.state.means
    await means.people.standing(caller)
