"""The endpoint of exports."""

from typing import Annotated, Any, Final

from fastapi import Query
from starlette.responses import Response

from doorward_client.bearer_auth import requires
from doorward_client.permissions import Permission
from doorward_client.tokens import Claims
from doorward_identity.user_export import FileFormat
from doorward_kit.accept import Accept
from doorward_kit.dependencies import provide
from doorward_kit.openapi import describe
from doorward_kit.routing import api_router
from doorward_users.export.representations import MEDIA_TYPES, choose_representation
from doorward_users.export.response import ExportResponse
from doorward_users.export.service import ExportService

Exports = Annotated[ExportService, provide(ExportService)]

UserReader = Annotated[Claims, requires(Permission.USERS_READ)]

router = api_router(prefix="/api/v1/users", tag="users")

_ANSWERS: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "One user a line, in the order of their ids.",
        "content": {media_type: {"schema": {"type": "string"}} for media_type in MEDIA_TYPES},
    },
    406: describe("`not_acceptable`: `Accept` names none of these media types, and there is no `format`."),
    429: describe("`export_running`: the caller's last export has not ended."),
    503: describe("`exports_unavailable`: too many exports are running at this process."),
}


@router.get("/export", response_class=Response, responses=_ANSWERS, summary="Export all users")
async def export_users(
    caller: UserReader,
    exports: Exports,
    accept: Accept,
    file_format: Annotated[
        FileFormat | None,
        Query(alias="format", description="By default what `Accept` prefers, of equal ones JSON Lines."),
    ] = None,
) -> Response:
    """Download all users, as `doorward import-users` reads them. There are no passwords or hashes in it.

    A user who exists all the time is in it once. Users who are created, changed or deleted meanwhile are in
    it as they were before or after. A download that breaks off is not complete: start again.
    """
    chosen = choose_representation(file_format, accept)
    return ExportResponse(await exports.start(caller, chosen.file_format), chosen.media_type)
