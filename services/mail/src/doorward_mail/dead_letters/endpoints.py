"""Endpoints about mail that could not be sent: the same in every service that sends mail."""

import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, params
from starlette.responses import Response

from doorward_client.bearer_auth import requires
from doorward_client.permissions import Permission
from doorward_client.tokens import Claims
from doorward_kit.pagination import Cursor, Limit, Page
from doorward_kit.routing import api_router
from doorward_mail.dead_letters.schemas import DeadLetter
from doorward_mail.dead_letters.service import DeadLetterService

MailManager = Annotated[Claims, requires(Permission.MAIL_MANAGE)]


def dead_letter_router(
    prefix: str,
    service: Callable[[Request], Awaitable[DeadLetterService]],
    letter: type[DeadLetter] = DeadLetter,
    *,
    before_changes: Sequence[params.Depends] = (),
    resend_refusals: Mapping[int | str, dict[str, Any]] | None = None,
) -> APIRouter:
    """Return the routes under `prefix` (`/api/v1/auth/mails`), for administrators alone.

    `service` is the dependency that finds the service of an outbox, `letter` what is told of its mails.
    `before_changes` are dependencies (`Depends(...)`) of the routes that change something, `resend_refusals`
    what the documentation says (openapi.refusal) of refusals that `require_wanted` of the service adds.
    """
    router = api_router(prefix=prefix, tag="mails")

    @router.get(
        "",
        response_model=Page[letter],  # type: ignore[valid-type]  # a type of the caller's
        summary="List mails that could not be sent",
    )
    async def list_dead_letters(
        _caller: MailManager,
        letters: Annotated[DeadLetterService, Depends(service)],
        cursor: Cursor = None,
        limit: Limit = 50,
    ) -> Page[DeadLetter]:
        """Dead letters, the newest first: the mail server refused them, or was away for too long."""
        found = await letters.page(cursor, limit)
        return Page(items=[letter.of(mail) for mail in found.mails], next_cursor=found.next_cursor)

    @router.post(
        "/{mail_id}/resend",
        status_code=202,
        summary="Send a dead letter again",
        dependencies=before_changes,
        responses=dict(resend_refusals or {}),
    )
    async def resend(
        mail_id: uuid.UUID, caller: MailManager, letters: Annotated[DeadLetterService, Depends(service)]
    ) -> Response:
        """Put a mail back among those to be sent."""
        await letters.resend(caller, mail_id)
        return Response(status_code=202)

    @router.delete(
        "/{mail_id}", status_code=204, summary="Throw a dead letter away", dependencies=before_changes
    )
    async def discard(
        mail_id: uuid.UUID, caller: MailManager, letters: Annotated[DeadLetterService, Depends(service)]
    ) -> Response:
        """Delete a mail that nobody needs any more."""
        await letters.discard(caller, mail_id)
        return Response(status_code=204)

    return router
