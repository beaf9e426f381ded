"""Endpoints for services that store data of users."""

import uuid
from typing import Annotated, Final

from fastapi import Query
from starlette.responses import Response

from doorward_auth.account_lookup.service import AccountLookup, AccountSummary, DeletedUserPage
from doorward_auth.service_clients.dependencies import CallingClient
from doorward_identity.deleted_users_feed import CURSOR_LENGTH
from doorward_kit.dependencies import provide
from doorward_kit.etags import IfNoneMatch, not_modified, quote_etag
from doorward_kit.pagination import Page
from doorward_kit.responses import MEDIA_TYPE
from doorward_kit.routing import api_router

Accounts = Annotated[AccountLookup, provide(AccountLookup)]

router = api_router(prefix="/api/v1/auth", tag="services")

After = Annotated[
    str | None,
    Query(
        max_length=CURSOR_LENGTH, description="`next_cursor` of the last answer: only what was added since."
    ),
]
Ids = Annotated[list[uuid.UUID], Query(alias="id", min_length=1, max_length=100)]

_CACHING: Final = {"Cache-Control": "private, no-cache"}


@router.get("/deleted-users", response_model=DeletedUserPage, summary="List deleted users")
async def list_deleted_users(
    _client: CallingClient, accounts: Accounts, after: After = None, if_none_match: IfNoneMatch = None
) -> Response:
    """Return the users that were deleted, each once and in order. Store `next_cursor` with your data.

    410 for a cursor that is older than the feed, which goes back 30 days.
    """
    page = await accounts.deleted_users(after)
    headers = {**_CACHING, "ETag": quote_etag(page.next_cursor or "0")}
    if not_modified(if_none_match, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return Response(page.model_dump_json(), media_type=MEDIA_TYPE, headers=headers)


@router.get("/users", response_model=Page[AccountSummary], summary="Look users up by id")
async def find_users(_client: CallingClient, accounts: Accounts, ids: Ids) -> Response:
    """Return the users that exist, of up to 100 ids, on one page."""
    page = await accounts.find(ids)
    return Response(page.model_dump_json(), media_type=MEDIA_TYPE, headers=_CACHING)
