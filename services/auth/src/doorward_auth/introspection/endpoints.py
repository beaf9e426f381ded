"""Endpoints for registered services."""

from typing import Annotated

from fastapi import Depends, Request
from starlette.responses import Response

from doorward_auth.dependencies import Inspector
from doorward_auth.introspection.errors import InvalidRequestError
from doorward_auth.introspection.schemas import TOKEN_FORM, Introspection
from doorward_auth.oauth_forms import form_body, is_form, read_form
from doorward_auth.service_clients.dependency import CallingClient
from doorward_kit.routing import api_router

router = api_router(prefix="/api/v1/auth", tag="services")


# The client first: who is a stranger learns nothing about forms either.
async def _read_token(_client: CallingClient, request: Request) -> str:
    token = (await read_form(request)).get("token") if is_form(request) else None
    if not token:
        raise InvalidRequestError
    return token


PresentedToken = Annotated[str, Depends(_read_token)]


@router.post(
    "/introspect",
    response_model_exclude_none=True,
    summary="Ask whether a token counts",
    openapi_extra=form_body(TOKEN_FORM),
)
async def introspect(token: PresentedToken, inspector: Inspector, response: Response) -> Introspection:
    """Answer a service that cannot verify tokens itself (RFC 7662)."""
    response.headers["Cache-Control"] = "no-store"
    return await inspector.introspect(token)


@router.post("/revoke", summary="End a token's session", openapi_extra=form_body(TOKEN_FORM))
async def revoke(client: CallingClient, token: PresentedToken, inspector: Inspector) -> Response:
    """End the session of an access token or a refresh token (RFC 7009). Of an unknown token: done."""
    await inspector.revoke(client, token)
    return Response(status_code=200)
