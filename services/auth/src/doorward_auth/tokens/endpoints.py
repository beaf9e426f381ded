"""Endpoints of logging in, refreshing, and looking at one's token."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Query
from pydantic import StringConstraints
from starlette.responses import Response

from doorward_auth.captcha.header import CaptchaHeader
from doorward_auth.dependencies import CallingDevice, Logins, Refreshes
from doorward_auth.tokens.grant_parser import OPENAPI_BODY, OPENAPI_REFRESH, Grant, Refresh
from doorward_auth.tokens.schemas import Caller, RefreshRequest, TokenResponse
from doorward_auth.tokens.token_pair import IssuedTokens
from doorward_client.bearer_auth import CurrentUser, InsufficientPermissionError
from doorward_client.permissions import Permission
from doorward_kit.routing import FastRoute, api_router

router = api_router(prefix="/api/v1/auth", tag="tokens")
fast_router = api_router(prefix="/api/v1/auth", tag="tokens", route_class=FastRoute)

# A list, and all of them count: who can append to a proxy's query must not be able to soften it.
RequiredRoles = Annotated[
    list[Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]] | None,
    Query(alias="role", description="Refuse callers with another role with 403."),
]
RequiredPermissions = Annotated[
    list[Permission] | None,
    Query(alias="permission", description="Refuse callers without the permission with 403."),
]


@router.post("/token", response_model_exclude_none=True, summary="Log in", openapi_extra=OPENAPI_BODY)
async def log_in(
    grant: Grant,
    device: CallingDevice,
    logins: Logins,
    refreshes: Refreshes,
    captcha: CaptchaHeader,
) -> TokenResponse:
    """Exchange an email address and a password for an access token and a refresh token.

    OAuth2 clients may send the forms of RFC 6749, also the one that refreshes.
    """
    if isinstance(grant, RefreshRequest):
        return _response(await refreshes.refresh(grant.refresh_token.get_secret_value()))
    known = None if grant.device_token is None else grant.device_token.get_secret_value()
    password = grant.password.get_secret_value()
    return _response(await logins.log_in(grant.email, password, device, device_token=known, captcha=captcha))


@fast_router.post(
    "/refresh-token",
    response_model=TokenResponse,
    response_model_exclude_none=True,
    summary="Renew an access token",
    openapi_extra=OPENAPI_REFRESH,
)
async def refresh(body: Refresh, refreshes: Refreshes) -> Response:
    """Exchange a refresh token for a new pair. The old one may be repeated for a few seconds."""
    answer = _response(await refreshes.refresh(body.refresh_token.get_secret_value()))
    return Response(answer.model_dump_json(exclude_none=True), media_type="application/json")


@router.get("/me", summary="Who the access token is for")
async def me(caller: CurrentUser) -> Caller:
    """Return the claims of the caller's access token."""
    return Caller(
        id=caller.user_id,
        session_id=caller.session_id,
        role=caller.role,
        permissions=sorted(caller.permissions),
        issued_at=datetime.fromtimestamp(caller.issued_at, UTC),
        expires_at=datetime.fromtimestamp(caller.expires_at, UTC),
    )


@fast_router.get("/verify", status_code=204, response_class=Response, summary="Judge a token for a proxy")
async def verify(
    caller: CurrentUser, roles: RequiredRoles = None, permissions: RequiredPermissions = None
) -> Response:
    """Answer a proxy's question whether to let a request through (NGINX `auth_request`).

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


def _response(issued: IssuedTokens) -> TokenResponse:
    return TokenResponse(
        access_token=issued.access_token,
        token_type="Bearer",  # noqa: S106 - RFC 6750's name, not a secret
        expires_in=issued.expires_in,
        refresh_token=issued.refresh_token,
        refresh_expires_in=issued.refresh_expires_in,
        device_token=issued.device_token,
    )
