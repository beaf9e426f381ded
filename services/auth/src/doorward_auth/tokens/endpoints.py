"""Endpoints of refreshing, and of an access token's content."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Query
from pydantic import StringConstraints
from starlette.responses import Response

from doorward_auth.bodies import json_body
from doorward_auth.tokens.dependencies import RefreshBody, Refreshes
from doorward_auth.tokens.schemas import Caller, RefreshRequest
from doorward_auth.tokens.token_pair import TokenPair
from doorward_client.bearer_auth import CurrentUser, InsufficientPermissionError
from doorward_client.permissions import Permission
from doorward_kit.routing import FastRoute, api_router

router = api_router(prefix="/api/v1/auth", tag="tokens")
fast_router = api_router(prefix="/api/v1/auth", tag="tokens", route_class=FastRoute)

# A list, and all of its members must hold: a client that can append to a proxy's query must not weaken it.
RequiredRoles = Annotated[
    list[Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]] | None,
    Query(alias="role", description="Refuse callers with another role with 403."),
]
RequiredPermissions = Annotated[
    list[Permission] | None,
    Query(alias="permission", description="Refuse callers without the permission with 403."),
]


@fast_router.post(
    "/refresh-token",
    response_model=TokenPair,
    response_model_exclude_none=True,
    summary="Refresh an access token",
    openapi_extra=json_body(RefreshRequest),
)
async def refresh(body: RefreshBody, refreshes: Refreshes) -> Response:
    """Exchange a refresh token for a new pair. The old one may be repeated for a few seconds."""
    pair = await refreshes.refresh(body.refresh_token.get_secret_value())
    return Response(pair.model_dump_json(exclude_none=True), media_type="application/json")


@router.get("/me", response_model_exclude_none=True, summary="Get the caller of the access token")
async def me(caller: CurrentUser) -> Caller:
    """Return the claims of the caller's access token."""
    return Caller(
        id=caller.user_id,
        session_id=caller.session_id,
        role=caller.role,
        permissions=sorted(caller.permissions),
        issued_at=datetime.fromtimestamp(caller.issued_at, UTC),
        expires_at=datetime.fromtimestamp(caller.expires_at, UTC),
        ext=dict(caller.extensions) or None,
    )


@fast_router.get(
    "/verify", status_code=204, response_class=Response, summary="Verify an access token for a proxy"
)
async def verify(
    caller: CurrentUser, roles: RequiredRoles = None, permissions: RequiredPermissions = None
) -> Response:
    """Tell a proxy whether to let a request through (NGINX `auth_request`).

    204 with the caller in `X-Doorward-User` (the id), `-Role` and `-Session`, or 401, or 403.
    """
    for role in roles or ():
        if caller.role != role:
            raise InsufficientPermissionError(f"role:{role}")
    for permission in permissions or ():
        if not caller.may(permission):
            raise InsufficientPermissionError(permission)
    headers = {
        "X-Doorward-User": str(caller.user_id),
        "X-Doorward-Role": caller.role,
        "X-Doorward-Session": str(caller.session_id),
        "Cache-Control": "no-store",
    }
    return Response(status_code=204, headers=headers)
