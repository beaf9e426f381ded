"""Endpoints of threads."""

import uuid
from typing import Annotated

from fastapi import Depends
from starlette.responses import Response

from doorward_client.fastapi import CurrentUser
from doorward_kit.etags import IfMatch
from doorward_kit.idempotency import IdempotencyKey
from doorward_kit.pagination import Cursor, Limit, Page
from doorward_kit.responses import answer_response, page_response
from doorward_kit.routing import api_router
from doorward_tickets.dependencies import ActingUser, Replies
from doorward_tickets.replies.service import NewReply
from doorward_tickets.tickets.schemas import Reply, ReplyCreate, Ticket
from doorward_tickets.tickets.serializers import reply_document

router = api_router(prefix="/api/v1/tickets/{ticket_id}", tag="tickets")


@router.get("/replies", response_model=Page[Reply], summary="Read a ticket's thread")
async def list_replies(
    ticket_id: uuid.UUID, caller: CurrentUser, replies: Replies, cursor: Cursor = None, limit: Limit = 50
) -> Response:
    """Read the thread page by page, from its beginning."""
    page = await replies.list_page(caller, ticket_id, cursor, limit)
    return page_response([reply_document(row) for row in page.replies], page.next_cursor)


async def _new_reply(
    ticket_id: uuid.UUID,
    body: ReplyCreate,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> NewReply:
    return NewReply(ticket_id, body.body, if_match, idempotency_key)


Wanted = Annotated[NewReply, Depends(_new_reply)]


@router.post("/replies", status_code=201, response_model=Reply, summary="Reply to a ticket")
async def add_reply(caller: ActingUser, wanted: Wanted, replies: Replies) -> Response:
    """Add a reply. A closed ticket is open again. The ETag is the ticket's."""
    return answer_response(await replies.add(caller, wanted))


@router.put("", response_model=Ticket, summary="Reply to a ticket, once")
async def put_reply(caller: ActingUser, wanted: Wanted, replies: Replies) -> Response:
    """Reply, unless the thread of the open ticket ends with this very reply.

    A closed ticket is open again.
    """
    return answer_response(await replies.put(caller, wanted))
