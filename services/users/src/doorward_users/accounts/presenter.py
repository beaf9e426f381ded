"""How an account leaves the service."""

import uuid
from typing import Final

from pydantic_core import to_json
from starlette.responses import Response

from doorward_common.etags import etag, not_modified
from doorward_common.roles import Role
from doorward_identity.accounts import Status
from doorward_users.accounts.repository import UserRow
from doorward_users.accounts.schemas import User

_MEDIA_TYPE: Final = "application/json"


def to_user(row: UserRow) -> User:
    """Build the public form; the row's text was validated when it came in."""
    return User.model_construct(
        id=uuid.UUID(bytes=row.id),
        email=row.email,
        name=row.name,
        role=Role(row.role),
        status=Status(row.status),
        email_verified=row.email_verified_at is not None,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def user_response(
    row: UserRow, *, status_code: int = 200, location: str | None = None, if_none_match: str | None = None
) -> Response:
    """Answer with one account and its ETag, or 304.

    Written here and not by FastAPI: on the hottest route, validating what was just read costs as
    much as reading it.
    """
    headers = {"ETag": etag(row.version), "Cache-Control": "private, no-cache"}
    if not_modified(if_none_match, row.version):
        return Response(status_code=304, headers=headers)
    if location is not None:
        headers["Location"] = location
    return Response(to_json(to_user(row)), status_code=status_code, headers=headers, media_type=_MEDIA_TYPE)
