"""How accounts leave the service: written straight from their rows.

FastAPI would validate what was just read and build a model of it; on the hottest route that costs as
much as reading it. A test holds what is written here against the documented schema, `User`.
"""

import uuid
from collections.abc import Sequence
from typing import Any, Final

import orjson
from starlette.responses import Response

from doorward_common.etags import etag, not_modified
from doorward_users.accounts.repository import UserRow

_MEDIA_TYPE: Final = "application/json"


def user_response(
    row: UserRow, *, status_code: int = 200, location: str | None = None, if_none_match: str | None = None
) -> Response:
    """Answer with one account and its ETag, or 304."""
    headers = {"ETag": etag(row.version), "Cache-Control": "private, no-cache"}
    if not_modified(if_none_match, etag(row.version)):
        return Response(status_code=304, headers=headers)
    if location is not None:
        headers["Location"] = location
    return Response(_json(_public(row)), status_code=status_code, headers=headers, media_type=_MEDIA_TYPE)


def page_response(rows: Sequence[UserRow], next_cursor: str | None) -> Response:
    """Answer with one page of the directory."""
    page = {"items": [_public(row) for row in rows], "next_cursor": next_cursor}
    return Response(_json(page), media_type=_MEDIA_TYPE)


def _public(row: UserRow) -> dict[str, Any]:
    return {
        "id": uuid.UUID(bytes=row.id),
        "email": row.email,
        "name": row.name,
        "role": row.role,
        "status": row.status,
        "email_verified": row.email_verified_at is not None,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }


def _json(value: object) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_UTC_Z)
