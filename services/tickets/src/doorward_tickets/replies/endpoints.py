"""Endpoints of one ticket and its replies."""

import uuid
from typing import Annotated

from fastapi import Depends
from starlette.responses import Response

from doorward_client.fastapi import CurrentUser
from doorward_kit.dependencies import provide
from doorward_kit.etags import IfMatch, IfNoneMatch, version_etag
from doorward_kit.fast_routes import FastRoute
from doorward_kit.idempotency import IdempotencyKey
from doorward_kit.pagination import Cursor, Limit, Page
from doorward_kit.responses import answer_response, page_response, resource_response
from doorward_kit.routing import api_router
from doorward_tickets.replies.service import NewReply, ReplyService
from doorward_tickets.tickets.schemas import Reply, ReplyCreate, ReplySort, Ticket, TicketDetail
from doorward_tickets.tickets.serializers import detail_json, reply_document
from doorward_tickets.users.dependencies import ActingUser

Replies = Annotated[ReplyService, provide(ReplyService)]

PREFIX = "/api/v1/tickets/{ticket_id}"

router = api_router(prefix=PREFIX, tag="tickets")
fast_router = api_router(prefix=PREFIX, tag="tickets", route_class=FastRoute)


async def _new_reply(
    ticket_id: uuid.UUID,
    body: ReplyCreate,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> NewReply:
    return NewReply(ticket_id, body.body, if_match, idempotency_key)


RequestedReply = Annotated[NewReply, Depends(_new_reply)]


@fast_router.get("", response_model=TicketDetail, summary="Read a ticket and its first replies")
async def get_ticket(
    ticket_id: uuid.UUID, caller: CurrentUser, replies: Replies, if_none_match: IfNoneMatch = None
) -> Response:
    """Read a ticket. With `If-None-Match`, 304 if the response has not changed."""
    found, page = await replies.get_thread(caller, ticket_id)
    body = detail_json(found, page.replies, page.next_cursor)
    return resource_response(body, version_etag(found.ticket.version, body), if_none_match=if_none_match)


@fast_router.get("/replies", response_model=Page[Reply], summary="List the replies of a ticket")
async def list_replies(
    ticket_id: uuid.UUID,
    caller: CurrentUser,
    replies: Replies,
    sort: ReplySort = ReplySort.NUMBER,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """List replies, the oldest first, or with `sort=-number` the newest first: from the end of the thread."""
    page = await replies.list_page(caller, ticket_id, sort, cursor, limit)
    return page_response([reply_document(row) for row in page.replies], page.next_cursor)


@router.post("/replies", status_code=201, response_model=Reply, summary="Reply to a ticket")
async def add_reply(caller: ActingUser, new: RequestedReply, replies: Replies) -> Response:
    """Add a reply. It reopens a closed ticket. The ETag is the ticket's."""
    return answer_response(await replies.add(caller, new))


@router.put("", response_model=Ticket, summary="Reply to a ticket unless the same reply is the last one")
async def repeat_reply(caller: ActingUser, new: RequestedReply, replies: Replies) -> Response:
    """Add a reply unless the ticket is open and its last reply has the same author and body.

    A reply reopens a closed ticket.
    """
    return answer_response(await replies.put(caller, new))
