"""Endpoints of tickets."""

import uuid
from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from doorward_client.fastapi import CurrentUser
from doorward_kit.etags import IfMatch, IfNoneMatch, version_etag
from doorward_kit.idempotency import IdempotencyKey
from doorward_kit.pagination import Cursor, Limit, Page
from doorward_kit.responses import answer_response, page_response, resource_response
from doorward_kit.routing import FastRoute, api_router
from doorward_kit.word_index import words_of
from doorward_tickets.dependencies import ActingAdmin, ActingUser, Tickets
from doorward_tickets.tickets.schemas import (
    Filter,
    Ticket,
    TicketCreate,
    TicketDetail,
    TicketPatch,
    TicketSort,
)
from doorward_tickets.tickets.serializers import detail_json, ticket_document
from doorward_tickets.tickets.workflow import TicketStatus

PREFIX = "/api/v1/tickets"

router = api_router(prefix=PREFIX, tag="tickets")
fast_router = api_router(prefix=PREFIX, tag="tickets", route_class=FastRoute)

Search = Annotated[
    str | None,
    Query(
        min_length=1,
        max_length=100,
        description="Words of the subject or the text, each from its start, of three characters or more.",
    ),
]


@fast_router.get("", response_model=Page[Ticket], summary="List tickets")
async def list_tickets(  # noqa: PLR0913, PLR0917 - a parameter for each of the query's
    caller: CurrentUser,
    tickets: Tickets,
    q: Search = None,
    status: TicketStatus | None = None,
    author: uuid.UUID | None = None,
    assignee: uuid.UUID | None = None,
    sort: TicketSort = TicketSort.CREATED_AT_DESC,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """Read your tickets, or as an administrator everybody's: `next_cursor` is `cursor` of the next page.

    Pages of a search, or by several filters, may be short, even empty: go on while there is a
    `next_cursor`.
    """
    words = () if q is None else words_of(q)
    criteria = Filter(words=words, status=status, author=author, assignee=assignee)
    page = await tickets.list_page(caller, criteria, sort, cursor, limit)
    return page_response([ticket_document(row) for row in page.tickets], page.next_cursor)


@router.post("", status_code=201, response_model=TicketDetail, summary="Create a ticket")
async def create_ticket(
    body: TicketCreate, caller: ActingUser, tickets: Tickets, idempotency_key: IdempotencyKey = None
) -> Response:
    """Ask the team for something."""
    return answer_response(await tickets.create(caller, body, idempotency_key))


@router.get("/{ticket_id}", response_model=TicketDetail, summary="Read a ticket")
async def get_ticket(
    ticket_id: uuid.UUID, caller: CurrentUser, tickets: Tickets, if_none_match: IfNoneMatch = None
) -> Response:
    """Read a ticket with the start of its thread. With `If-None-Match`, 304 if it looks the same."""
    opened = await tickets.get(caller, ticket_id)
    body = detail_json(*opened)
    return resource_response(
        body, version_etag(opened.found.ticket.version, body), if_none_match=if_none_match
    )


@router.patch("/{ticket_id}", response_model=Ticket, summary="Assign a ticket, set its priority")
async def manage_ticket(
    ticket_id: uuid.UUID, body: TicketPatch, caller: ActingAdmin, tickets: Tickets, if_match: IfMatch = None
) -> Response:
    """Change what the body names. Only administrators can be given tickets."""
    return answer_response(await tickets.manage(caller, ticket_id, body, if_match))


@router.patch("/close-ticket/{ticket_id}", response_model=Ticket, summary="Close a ticket (older address)")
@router.patch("/{ticket_id}/close", response_model=Ticket, summary="Close a ticket")
async def close_ticket(
    ticket_id: uuid.UUID, caller: ActingUser, tickets: Tickets, if_match: IfMatch = None
) -> Response:
    """Close a ticket; a reply opens it again."""
    return answer_response(await tickets.close(caller, ticket_id, if_match))
