"""Endpoints about mail that could not be sent."""

import uuid

from starlette.responses import Response

from doorward_auth.dependencies import DeadLetters
from doorward_auth.mails.schemas import DeadLetter
from doorward_common.auth import AdminUser
from doorward_common.pagination import Cursor, Limit, Page
from doorward_common.routing import strict_router

router = strict_router(prefix="/api/v1/auth/mails", tag="mails")


@router.get("", summary="List mails that could not be sent")
async def list_dead_letters(
    _caller: AdminUser, letters: DeadLetters, cursor: Cursor = None, limit: Limit = 50
) -> Page[DeadLetter]:
    """Dead letters, the newest first: the mail server refused them, or was away for too long."""
    return await letters.page(cursor, limit)


@router.post("/{mail_id}/resend", status_code=202, summary="Send a dead letter again")
async def resend(mail_id: uuid.UUID, caller: AdminUser, letters: DeadLetters) -> Response:
    """Put a mail back among those to be sent."""
    await letters.resend(caller, mail_id)
    return Response(status_code=202)


@router.delete("/{mail_id}", status_code=204, summary="Throw a dead letter away")
async def discard(mail_id: uuid.UUID, caller: AdminUser, letters: DeadLetters) -> Response:
    """Delete a mail that nobody needs any more."""
    await letters.discard(caller, mail_id)
    return Response(status_code=204)
