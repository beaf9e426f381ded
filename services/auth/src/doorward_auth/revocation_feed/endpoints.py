"""The endpoint that verifiers poll."""

from typing import Annotated

from starlette.responses import Response

from doorward_auth.revocation_feed.service import RevocationFeed
from doorward_auth.service_clients.dependencies import CallingClient
from doorward_client.revocations.models import RevocationListResponse
from doorward_kit.dependencies import provide
from doorward_kit.etags import IfNoneMatch, not_modified
from doorward_kit.routing import api_router

RevocationFeedDep = Annotated[RevocationFeed, provide(RevocationFeed)]

router = api_router(prefix="/api/v1/auth", tag="services")


@router.get("/revocations", response_model=RevocationListResponse, summary="List revoked access tokens")
async def list_revocations(
    _client: CallingClient, feed: RevocationFeedDep, if_none_match: IfNoneMatch = None
) -> Response:
    """Return the whole list, or 304 while it is unchanged, without a query.

    `Age` is how many seconds ago the list was read from the database.
    """
    headers = {"ETag": feed.etag, "Age": str(feed.age), "Cache-Control": "private, no-cache"}
    if not_modified(if_none_match, feed.etag):
        return Response(status_code=304, headers=headers)
    return Response(feed.render(), media_type="application/json", headers=headers)
