"""Accounts as JSON, written directly from their rows.

FastAPI would validate the row and build a model first, which costs as much as reading it. A test
compares the JSON with the documented schema, `User`.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from starlette.responses import Response

from doorward_identity.avatars.avatar import picture_url
from doorward_kit import responses
from doorward_kit.etags import version_etag
from doorward_users.directory.repository import UserRow
from doorward_users.directory.schemas import AccountWarning


class Entry(NamedTuple):
    """An account, and whether its reader sees the address."""

    user: UserRow
    shows_address: bool


def user_response(entry: Entry, *, if_none_match: str | None = None) -> Response:
    """Return one account with its ETag, or 304."""
    body = responses.to_json(_public(entry))
    # Without the address it is another rendering of the same version.
    tag = version_etag(entry.user.version, None if entry.shows_address else body)
    return responses.resource_response(body, tag, if_none_match=if_none_match)


def changed_response(
    row: UserRow, warnings: Sequence[AccountWarning], *, status_code: int = 200, location: str | None = None
) -> Response:
    """Return an account that was created or changed, with its ETag, and the warnings about it."""
    shown = [warning.model_dump() for warning in warnings]
    document = {**_public(Entry(row, shows_address=True)), "warnings": shown}
    return responses.resource_response(
        responses.to_json(document), version_etag(row.version), status_code=status_code, location=location
    )


def page_response(entries: Sequence[Entry], next_cursor: str | None) -> Response:
    """Return one page of the directory."""
    return responses.page_response([_public(entry) for entry in entries], next_cursor)


def _public(entry: Entry) -> dict[str, Any]:
    row, shows_address = entry
    return {
        "id": row.id,
        "email": (row.email or None) if shows_address else None,
        "name": row.name,
        "role": row.role,
        "status": row.status,
        "email_verified": row.email_verified_at is not None if shows_address else None,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "picture": picture_url(row.id, row.avatar_digest),
    }
