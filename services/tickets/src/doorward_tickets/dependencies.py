"""What endpoints of the tickets service are handed."""

from typing import Annotated

from fastapi import Depends, Request

from doorward_common.guard import AdminUser, CurrentUser
from doorward_common.languages import preferred_language
from doorward_common.mail.dead_letters.service import DeadLetterService
from doorward_common.tokens import Claims
from doorward_tickets.means import Means
from doorward_tickets.notices.muting import Muting
from doorward_tickets.people.service import Caller
from doorward_tickets.replies.service import ReplyService
from doorward_tickets.tickets.service import TicketService


async def _tickets(request: Request) -> TicketService:
    service: TicketService = request.app.state.tickets
    return service


async def _replies(request: Request) -> ReplyService:
    service: ReplyService = request.app.state.replies
    return service


async def _muting(request: Request) -> Muting:
    service: Muting = request.app.state.muting
    return service


async def dead_letters(request: Request) -> DeadLetterService:
    """Find what decides about mail that could not be sent."""
    service: DeadLetterService = request.app.state.dead_letters
    return service


async def _acting_user(request: Request, claims: CurrentUser) -> Caller:
    # CurrentUser has seen that there is one such header and that it is good.
    return _caller(request, claims)


async def _acting_admin(request: Request, claims: AdminUser) -> Caller:
    return _caller(request, claims)


def _caller(request: Request, claims: Claims) -> Caller:
    headers = request.headers
    return Caller(claims, headers["authorization"], preferred_language(headers.get("accept-language", "")))


Tickets = Annotated[TicketService, Depends(_tickets)]
Replies = Annotated[ReplyService, Depends(_replies)]
Mutes = Annotated[Muting, Depends(_muting)]
ActingUser = Annotated[Caller, Depends(_acting_user)]
ActingAdmin = Annotated[Caller, Depends(_acting_admin)]


async def require_standing(request: Request, caller: ActingAdmin) -> None:
    """Raise InvalidAccessTokenError for whoever is no administrator any more, as far as can be known now."""
    means: Means = request.app.state.means
    await means.people.standing(caller)
