"""Endpoints of tickets. Reading one ticket is in `replies`, because the response contains its replies."""

import uuid
from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from doorward_client.fastapi import CurrentUser
from doorward_kit.dependencies import provide
from doorward_kit.etags import IfMatch
from doorward_kit.fast_routes import FastRoute
from doorward_kit.idempotency import IdempotencyKey
from doorward_kit.pagination import Cursor, Limit, Page
from doorward_kit.responses import answer_response, page_response
from doorward_kit.routing import api_router
from doorward_kit.word_index import words_of
from doorward_tickets.tickets.list_query import TicketFilter
from doorward_tickets.tickets.schemas import Ticket, TicketCreate, TicketDetail, TicketPatch, TicketSort
from doorward_tickets.tickets.serializers import ticket_document
from doorward_tickets.tickets.service import PREFIX, TicketService
from doorward_tickets.tickets.workflow import TicketStatus
from doorward_tickets.users.dependencies import ActingManager, ActingUser

Tickets = Annotated[TicketService, provide(TicketService)]

router = api_router(prefix=PREFIX, tag="tickets")
fast_router = api_router(prefix=PREFIX, tag="tickets", route_class=FastRoute)

Search = Annotated[
    str | None,
    Query(
        max_length=100,
        description="Words of the subject or the body, each by its start; in scripts without spaces any"
        " characters in sequence. One and two letters are only searched without longer words. A query without"
        " a letter or digit matches no ticket.",
    ),
]

Number = Annotated[
    int | None,
    Query(ge=1, le=2**63 - 1, description="The number of a ticket; the list has one ticket or none."),
]


@fast_router.get("", response_model=Page[Ticket], summary="List tickets")
async def list_tickets(  # noqa: PLR0913, PLR0917 - a parameter for each of the query's
    caller: CurrentUser,
    tickets: Tickets,
    q: Search = None,
    number: Number = None,
    status: TicketStatus | None = None,
    author: uuid.UUID | None = None,
    assignee: uuid.UUID | None = None,
    sort: TicketSort = TicketSort.CREATED_AT_DESC,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """List your tickets, or all tickets with the permission `tickets:read_all`.

    Pass `next_cursor` as `cursor` for the next page. Pages of a search, or with several filters, may be short
    or empty: continue while there is a `next_cursor`.
    """
    words = () if q is None else words_of(q)
    criteria = TicketFilter(
        words=words,
        status=status,
        author=author,
        assignee=assignee,
        number=number,
        matches_nothing=q is not None and not words,
    )
    page = await tickets.list_page(caller, criteria, sort, cursor, limit)
    return page_response([ticket_document(row) for row in page.tickets], page.next_cursor)


@router.post("", status_code=201, response_model=TicketDetail, summary="Create a ticket")
async def create_ticket(
    body: TicketCreate, caller: ActingUser, tickets: Tickets, idempotency_key: IdempotencyKey = None
) -> Response:
    return answer_response(await tickets.create(caller, body, idempotency_key))


@router.patch("/{ticket_id}", response_model=Ticket, summary="Assign a ticket, set its priority")
async def update_ticket(
    ticket_id: uuid.UUID, body: TicketPatch, caller: ActingManager, tickets: Tickets, if_match: IfMatch = None
) -> Response:
    """Change the fields of the body. The assignee must have the permission `tickets:manage`."""
    return answer_response(await tickets.update(caller, ticket_id, body, if_match))


@router.patch(
    "/close-ticket/{ticket_id}",
    response_model=Ticket,
    summary="Close a ticket (older address)",
    operation_id="closeTicketAtOlderAddress",
)
@router.patch("/{ticket_id}/close", response_model=Ticket, summary="Close a ticket")
async def close_ticket(
    ticket_id: uuid.UUID, caller: ActingUser, tickets: Tickets, if_match: IfMatch = None
) -> Response:
    """Close a ticket. A reply reopens it."""
    return answer_response(await tickets.close(caller, ticket_id, if_match))
