"""Endpoints about dead letters, the same in every service that sends mail."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

from fastapi import APIRouter, params
from starlette.responses import Response

from doorward_client.bearer_auth import requires
from doorward_client.permissions import Permission
from doorward_client.tokens import Claims
from doorward_kit.pagination import Cursor, Limit, Page
from doorward_kit.routing import api_router
from doorward_mail.dead_letters.schemas import DeadLetter
from doorward_mail.dead_letters.service import DeadLetterService

PATH: Final = "/mail/dead-letters"
MailManager = Annotated[Claims, requires(Permission.MAIL_MANAGE)]


def dead_letter_router(
    prefix: str,
    service: params.Depends,
    letter: type[DeadLetter] = DeadLetter,
    *,
    noun: str = "",
    before_changes: Sequence[params.Depends] = (),
    retry_errors: Mapping[int | str, dict[str, Any]] | None = None,
) -> APIRouter:
    """Return the routes under `prefix` (`/api/v1/auth`), for administrators.

    `service` is the dependency that returns the outbox's DeadLetterService, `letter` the model of a list's
    items, `noun` a part of the operations' ids. `before_changes` are dependencies of the routes that change
    something. `retry_errors` documents (openapi.describe) the errors of the service's `check_retry`.
    """
    router = api_router(prefix=prefix + PATH, tag="mail")

    @router.get(
        "",
        operation_id=f"list{noun}DeadLetters",
        response_model=Page[letter],  # type: ignore[valid-type]  # a type of the caller's
        summary="List dead letters",
    )
    async def list_dead_letters(
        _caller: MailManager,
        letters: Annotated[DeadLetterService, service],
        cursor: Cursor = None,
        limit: Limit = 50,
    ) -> Page[DeadLetter]:
        """Mails that could not be sent, the newest first: the server rejected them, or they got too old."""
        found = await letters.page(cursor, limit)
        return Page(items=[letter.of(mail) for mail in found.mails], next_cursor=found.next_cursor)

    @router.post(
        "/{mail_id}/retry",
        status_code=202,
        response_class=Response,
        operation_id=f"retry{noun}DeadLetter",
        summary="Retry a dead letter",
        dependencies=before_changes,
        responses=dict(retry_errors or {}),
    )
    async def retry(
        mail_id: uuid.UUID, caller: MailManager, letters: Annotated[DeadLetterService, service]
    ) -> Response:
        """Send a mail again, with all its attempts and without an expiry."""
        await letters.retry(caller, mail_id)
        return Response(status_code=202)

    @router.delete(
        "/{mail_id}",
        status_code=204,
        operation_id=f"discard{noun}DeadLetter",
        summary="Discard a dead letter",
        dependencies=before_changes,
    )
    async def discard(
        mail_id: uuid.UUID, caller: MailManager, letters: Annotated[DeadLetterService, service]
    ) -> Response:
        """Delete a mail that is no longer needed."""
        await letters.discard(caller, mail_id)
        return Response(status_code=204)

    return router
