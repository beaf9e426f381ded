"""Endpoints for services that keep something of people's."""

import uuid
from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from doorward_auth.account_lookup.schemas import AccountList, DeletionPage
from doorward_auth.dependencies import Accounts
from doorward_auth.service_clients.dependency import CallingClient
from doorward_identity.deleted_users_feed import CURSOR_LENGTH
from doorward_kit.etags import IfNoneMatch, not_modified, quote_etag
from doorward_kit.responses import MEDIA_TYPE
from doorward_kit.routing import api_router

router = api_router(prefix="/api/v1/auth", tag="services")

After = Annotated[
    str | None,
    Query(max_length=CURSOR_LENGTH, description="`cursor` of the last answer: only what came since."),
]
Ids = Annotated[list[uuid.UUID], Query(alias="id", min_length=1, max_length=100)]

_CACHING = {"Cache-Control": "private, no-cache"}


@router.get("/deletions", response_model=DeletionPage, summary="List deleted users")
async def list_deletions(
    _client: CallingClient, accounts: Accounts, after: After = None, if_none_match: IfNoneMatch = None
) -> Response:
    """Return who was deleted, each once and in order; keep `cursor` with what you did about them.

    410 for a cursor that is older than the feed, which goes back 30 days.
    """
    page = await accounts.deletions(after)
    headers = {**_CACHING, "ETag": quote_etag(page.cursor or "0")}
    if not_modified(if_none_match, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return Response(page.model_dump_json(), media_type=MEDIA_TYPE, headers=headers)


@router.get("/accounts", response_model=AccountList, summary="Find accounts by id")
async def find_accounts(_client: CallingClient, accounts: Accounts, ids: Ids) -> Response:
    """Return the accounts that exist of those asked for, with where to reach their owners."""
    found = await accounts.find(ids)
    return Response(found.model_dump_json(), media_type=MEDIA_TYPE, headers=_CACHING)
