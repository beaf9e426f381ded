"""The endpoint that verifiers poll."""

from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from doorward_auth.dependencies import Published
from doorward_auth.revocation_feed.schemas import RevocationListResponse
from doorward_auth.service_clients.dependency import CallingClient
from doorward_client.revocations import json_codec
from doorward_kit.etags import IfNoneMatch, not_modified
from doorward_kit.routing import api_router

router = api_router(prefix="/api/v1/auth", tag="services")

After = Annotated[
    str | None, Query(max_length=64, description="`cursor` of the last answer: only what came since.")
]


@router.get("/revocations", response_model=RevocationListResponse, summary="List revoked access tokens")
async def revocations(
    _client: CallingClient, log: Published, after: After = None, if_none_match: IfNoneMatch = None
) -> Response:
    """Return what every verifier needs to know, from memory: 304 and no query while nothing changes.

    `Age` says how many seconds ago the list was read from the database.
    """
    headers = {"ETag": log.etag, "Age": f"{log.age:.0f}", "Cache-Control": "private, no-cache"}
    if not_modified(if_none_match, log.etag):
        return Response(status_code=304, headers={**headers, json_codec.CURSOR_HEADER: log.cursor})
    return Response(json_codec.dump(log.since(after)), media_type="application/json", headers=headers)
