"""Endpoints of refreshing, and of an access token's content."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Query
from pydantic import StringConstraints
from starlette.responses import Response

from doorward_auth.bodies import json_or_form_body
from doorward_auth.refresh_cookies.dependencies import COOKIE_PARAMETER, Cookies
from doorward_auth.tokens.dependencies import PresentedToken, Refreshes
from doorward_auth.tokens.schemas import REFRESH_FORM, Caller, RefreshRequest
from doorward_auth.tokens.token_pair import TokenPair
from doorward_client.bearer_auth import CurrentUser, InsufficientPermissionError
from doorward_client.permissions import Permission, Role
from doorward_kit.fast_routes import FastRoute
from doorward_kit.routing import api_router

fast_router = api_router(prefix="/api/v1/auth", tag="tokens", route_class=FastRoute)

# A list, and all of its members must hold: a client that can append to a proxy's query must not weaken it.
RequiredRoles = Annotated[
    list[Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]] | None,
    Query(alias="role", description="Reject callers with another role with 403."),
]
RequiredPermissions = Annotated[
    list[Permission] | None,
    Query(alias="permission", description="Reject callers without the permission with 403."),
]


@fast_router.post(
    "/refresh-token",
    response_model=TokenPair,
    response_model_exclude_none=True,
    summary="Refresh an access token",
    openapi_extra={
        **json_or_form_body(RefreshRequest.model_json_schema(), REFRESH_FORM, required=False),
        **COOKIE_PARAMETER,
    },
)
async def refresh_token(presented: PresentedToken, refreshes: Refreshes, cookies: Cookies) -> Response:
    """Exchange a refresh token for a new pair. The old one may be repeated for a few seconds.

    A page whose token is in a cookie sends no body, and names the cookie in `Doorward-CSRF`.
    """
    text, cookie = cookies.read(presented)
    pair = await refreshes.refresh(text, cookie)
    return Response(
        pair.model_dump_json(exclude_none=True), media_type="application/json", headers=pair.cookie_headers
    )


@fast_router.get(
    "/me",
    response_model=Caller,
    response_model_exclude_none=True,
    summary="Get the caller of the access token",
)
async def get_caller(caller: CurrentUser) -> Response:
    """Return the claims of the caller's access token."""
    claims = Caller(
        id=caller.user_id,
        session_id=caller.session_id,
        role=caller.role,
        permissions=sorted(caller.permissions),
        issued_at=datetime.fromtimestamp(caller.issued_at, UTC),
        expires_at=datetime.fromtimestamp(caller.expires_at, UTC),
        ext=dict(caller.extensions) or None,
    )
    return Response(claims.model_dump_json(exclude_none=True), media_type="application/json")


@fast_router.get(
    "/verify", status_code=204, response_class=Response, summary="Verify an access token for a proxy"
)
async def verify_token(
    caller: CurrentUser, roles: RequiredRoles = None, permissions: RequiredPermissions = None
) -> Response:
    """Tell a proxy whether to let a request through (NGINX `auth_request`).

    204 with the caller in `X-Doorward-User` (the id), `-Role` and `-Session`, or 401, or 403. The role
    is `user` for a token whose scopes narrow what the role permits.
    """
    # The application behind the proxy knows of no scopes, and gives the role all that it has there.
    role = Role.USER.value if caller.is_narrowed else caller.role
    for required in roles or ():
        if role != required:
            raise InsufficientPermissionError(f"role:{required}")
    for permission in permissions or ():
        if not caller.may(permission):
            raise InsufficientPermissionError(permission)
    headers = {
        "X-Doorward-User": str(caller.user_id),
        "X-Doorward-Role": role,
        "X-Doorward-Session": str(caller.session_id),
        "Cache-Control": "no-store",
    }
    return Response(status_code=204, headers=headers)
