"""What endpoints of the tickets service are handed."""

from typing import Annotated

from fastapi import Depends, Request

from doorward_common.guard import AdminUser, CurrentUser
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


async def _acting_user(request: Request, claims: CurrentUser) -> Caller:
    # CurrentUser has seen that there is one such header and that it is good.
    return Caller(claims, request.headers["authorization"])


async def _acting_admin(request: Request, claims: AdminUser) -> Caller:
    return Caller(claims, request.headers["authorization"])


Tickets = Annotated[TicketService, Depends(_tickets)]
Replies = Annotated[ReplyService, Depends(_replies)]
Mutes = Annotated[Muting, Depends(_muting)]
ActingUser = Annotated[Caller, Depends(_acting_user)]
ActingAdmin = Annotated[Caller, Depends(_acting_admin)]
