"""Endpoints that end sessions."""

from starlette.responses import Response

from doorward_auth.dependencies import Sessions
from doorward_common.auth import CurrentUser
from doorward_common.routing import strict_router

router = strict_router(prefix="/api/v1/auth", tag="sessions")


@router.post("/logout", status_code=204, summary="End this session")
@router.delete("/logout", status_code=204, summary="End this session", operation_id="delete_logout")
async def log_out(caller: CurrentUser, sessions: Sessions) -> Response:
    """End the session that the access token belongs to: its refresh token stops working now."""
    await sessions.log_out(caller)
    return Response(status_code=204)
