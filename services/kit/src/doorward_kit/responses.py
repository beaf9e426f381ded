"""Responses written from rows, without a model for each row."""

from collections.abc import Sequence
from typing import Any, Final

import orjson
from starlette.responses import Response

from doorward_kit.etags import not_modified
from doorward_kit.idempotency import StoredAnswer

MEDIA_TYPE: Final = "application/json"


def to_json(value: object) -> bytes:
    """Return JSON; times are RFC 3339 in UTC."""
    return orjson.dumps(value, option=orjson.OPT_UTC_Z)


def resource_response(
    body: bytes,
    tag: str,
    *,
    status_code: int = 200,
    location: str | None = None,
    if_none_match: str | None = None,
) -> Response:
    """Return one resource with its entity tag, or 304."""
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if not_modified(if_none_match, tag):
        return Response(status_code=304, headers=headers)
    if location is not None:
        headers["Location"] = location
    return Response(body, status_code=status_code, headers=headers, media_type=MEDIA_TYPE)


def answer_response(answer: StoredAnswer) -> Response:
    """Return a stored answer; `Idempotency-Replayed` marks a repeated one."""
    response = resource_response(
        answer.body, answer.etag, status_code=answer.status, location=answer.location
    )
    if answer.is_repeated:
        response.headers["Idempotency-Replayed"] = "true"
    return response


def page_response(items: Sequence[dict[str, Any]], next_cursor: str | None) -> Response:
    return Response(to_json({"items": items, "next_cursor": next_cursor}), media_type=MEDIA_TYPE)
