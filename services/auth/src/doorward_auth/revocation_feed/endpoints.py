"""The endpoint that verifiers poll."""

import uuid
from typing import Annotated

from fastapi import Query
from pydantic import BaseModel, Field
from starlette.responses import Response

from doorward_auth.revocation_feed.dependencies import ChangeLog
from doorward_auth.service_clients.dependencies import CallingClient
from doorward_client.revocations import json_codec
from doorward_kit.etags import IfNoneMatch, not_modified
from doorward_kit.routing import api_router

router = api_router(prefix="/api/v1/auth", tag="services")

After = Annotated[
    str | None, Query(max_length=64, description="`cursor` of the last answer: only what was added since.")
]


class RevokedSession(BaseModel):
    """A session whose access tokens are revoked."""

    id: uuid.UUID
    expires_in: float = Field(description="Seconds until the last of its tokens has expired by itself.")


class RevokedUser(BaseModel):
    """A user whose access tokens with a lower `token_version` are revoked."""

    id: uuid.UUID
    token_version: int
    expires_in: float


class RevocationListResponse(BaseModel):
    """The revocations added since `after`, or all of them."""

    sessions: list[RevokedSession]
    users: list[RevokedUser]
    cursor: str | None = Field(description="`after` of the next request.")


@router.get("/revocations", response_model=RevocationListResponse, summary="List revoked access tokens")
async def revocations(
    _client: CallingClient, changes: ChangeLog, after: After = None, if_none_match: IfNoneMatch = None
) -> Response:
    """Return the revocations from memory: 304 and no query while nothing changes.

    `Age` says how many seconds ago the list was read from the database.
    """
    headers = {"ETag": changes.etag, "Age": f"{changes.age:.0f}", "Cache-Control": "private, no-cache"}
    if not_modified(if_none_match, changes.etag):
        return Response(status_code=304, headers={**headers, json_codec.CURSOR_HEADER: changes.cursor})
    return Response(json_codec.dump(changes.since(after)), media_type="application/json", headers=headers)
