"""Endpoints of logins at an upstream's own pages. `POST /{provider}/token` finishes them."""

from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from doorward_auth.upstream.logins.dependencies import ProviderName
from doorward_auth.upstream.redirects.dependencies import Redirects
from doorward_auth.upstream.redirects.schemas import (
    UpstreamAuthorizationRequest,
    UpstreamAuthorizationResponse,
)
from doorward_auth.upstream.redirects.service import CallbackParameters
from doorward_kit.routing import api_router

router = api_router(prefix="/api/v1/auth/upstream", tag="upstream")

_Text = Annotated[str | None, Query(max_length=4096)]


@router.post("/{provider}/authorization", status_code=201, summary="Begin a login at an upstream's pages")
async def begin_login_at_upstream(
    provider: ProviderName, body: UpstreamAuthorizationRequest, redirects: Redirects
) -> UpstreamAuthorizationResponse:
    """Return the page to open in the user's browser. It comes back to `redirect_uri` with a `code`.

    Exchange the code for tokens with `POST /{provider}/token` and the `code_verifier`, within a minute.
    """
    return await redirects.begin(provider, body)


@router.get(
    "/{provider}/callback",
    status_code=303,
    response_class=Response,
    summary="Return from an upstream's pages",
)
async def return_from_upstream(
    provider: ProviderName,
    redirects: Redirects,
    state: _Text = None,
    code: _Text = None,
    iss: _Text = None,
    error: _Text = None,
) -> Response:
    """Send the user's browser on to the client. Register this URL at the upstream."""
    location = await redirects.receive(provider, CallbackParameters(state, code, iss, error))
    return Response(status_code=303, headers={"Location": location, "Cache-Control": "no-store"})
