"""Endpoints of introspection and revocation, for service clients."""

from typing import Any, Final

from starlette.responses import Response

from doorward_auth.bodies import form_body
from doorward_auth.introspection.dependencies import Inspector, PresentedToken
from doorward_auth.introspection.service import Introspection
from doorward_auth.service_clients.dependencies import CallingClient
from doorward_kit.routing import api_router

router = api_router(prefix="/api/v1/auth", tag="services")

_FORM: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["token"],
    "properties": {
        "token": {"type": "string", "description": "An access token or a refresh token."},
        "token_type_hint": {"type": "string", "description": "Not needed: the two look different."},
    },
}


@router.post(
    "/introspect",
    response_model_exclude_none=True,
    summary="Introspect a token",
    openapi_extra=form_body(_FORM),
)
async def introspect(token: PresentedToken, inspector: Inspector, response: Response) -> Introspection:
    """Tell a service that cannot verify tokens itself whether a token is valid (RFC 7662)."""
    response.headers["Cache-Control"] = "no-store"
    return await inspector.introspect(token)


@router.post("/revoke", summary="Revoke a token's session", openapi_extra=form_body(_FORM))
async def revoke(client: CallingClient, token: PresentedToken, inspector: Inspector) -> Response:
    """End the session of an access token or a refresh token (RFC 7009); 200 for an unknown token, too."""
    await inspector.revoke(client, token)
    return Response(status_code=200)
