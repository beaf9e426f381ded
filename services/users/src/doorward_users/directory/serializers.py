"""Accounts as JSON, written directly from their rows.

FastAPI would validate the row and build a model first, which costs as much as reading it. A test
compares the JSON with the documented schema, `User`.
"""

from collections.abc import Sequence
from typing import Any

from starlette.responses import Response

from doorward_kit import responses
from doorward_kit.etags import version_etag
from doorward_users.directory.repository import UserRow
from doorward_users.directory.schemas import AccountWarning


def user_response(row: UserRow, *, if_none_match: str | None = None) -> Response:
    """Return one account with its ETag, or 304."""
    return responses.resource_response(
        responses.to_json(_public(row)), version_etag(row.version), if_none_match=if_none_match
    )


def changed_response(
    row: UserRow, warnings: Sequence[AccountWarning], *, status_code: int = 200, location: str | None = None
) -> Response:
    """Return an account that was created or changed, with its ETag, and the warnings about it."""
    document = {**_public(row), "warnings": [warning.model_dump() for warning in warnings]}
    return responses.resource_response(
        responses.to_json(document), version_etag(row.version), status_code=status_code, location=location
    )


def page_response(rows: Sequence[UserRow], next_cursor: str | None) -> Response:
    """Return one page of the directory."""
    return responses.page_response([_public(row) for row in rows], next_cursor)


def _public(row: UserRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "email": row.email,
        "name": row.name,
        "role": row.role,
        "status": row.status,
        "email_verified": row.email_verified_at is not None,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }
