"""Endpoints of introspection and revocation, for service clients and registered clients."""

from typing import Final

from starlette.responses import Response

from doorward_auth.bodies import form_of_texts
from doorward_auth.introspection.dependencies import (
    AskingClient,
    Inspector,
    PresentedToken,
    RevokingClient,
)
from doorward_auth.introspection.service import Introspection
from doorward_kit.routing import api_router

router = api_router(prefix="/api/v1/auth", tag="services")

_FORM: Final = form_of_texts(
    "PresentedTokenForm",
    {
        "token": "An access token or a refresh token.",
        "token_type_hint": "Ignored: access tokens and refresh tokens look different.",
        "client_id": "The registered client, if it sends no header.",
        "client_secret": "Goes with `client_id`.",
    },
    required=["token"],
)


@router.post(
    "/introspect",
    response_model_exclude_none=True,
    summary="Introspect a token",
    openapi_extra=_FORM,
)
async def introspect_token(
    client: AskingClient, token: PresentedToken, inspector: Inspector, response: Response
) -> Introspection:
    """Tell a service that cannot verify tokens itself whether a token is valid (RFC 7662).

    A registered client learns about its own tokens alone; for others the answer is `active: false`.
    """
    response.headers["Cache-Control"] = "no-store"
    return await inspector.introspect(client, token)


@router.post("/revoke", response_class=Response, summary="Revoke a token's session", openapi_extra=_FORM)
async def revoke_token(client: RevokingClient, token: PresentedToken, inspector: Inspector) -> Response:
    """End the session of an access token or a refresh token (RFC 7009); 200 for an unknown token, too.

    A registered client can end its own alone. A public one sends its `client_id`.
    """
    await inspector.revoke(client, token)
    return Response(status_code=200)
