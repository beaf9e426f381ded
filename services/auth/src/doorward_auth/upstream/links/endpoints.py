"""Endpoints of a user's links to upstreams."""

from starlette.responses import Response

from doorward_auth.sessions.dependencies import CurrentSource
from doorward_auth.upstream.links.dependencies import ClientRequest, Links, TokenReader
from doorward_auth.upstream.links.schemas import UpstreamAccessToken, UpstreamLinks
from doorward_auth.upstream.logins.dependencies import ProviderName
from doorward_auth.upstream.tokens.dependencies import Credentials, credentials_body
from doorward_client.bearer_auth import CurrentUser
from doorward_kit.routing import api_router

router = api_router(prefix="/api/v1/auth/upstream", tag="upstream")


@router.get("", summary="List your links to upstreams")
async def list_upstream_links(caller: CurrentUser, links: Links) -> UpstreamLinks:
    """Return the upstreams of this installation, and the caller's accounts there with their state."""
    return await links.list(caller)


@router.get("/{provider}/token", summary="Get an access token of an upstream")
async def get_upstream_token(
    provider: ProviderName, reader: TokenReader, links: Links
) -> UpstreamAccessToken:
    """Return a valid access token of the upstream, refreshed if needed.

    For the signed-in user, or for a service client (HTTP Basic) that names the user as `subject`, and that is
    one of the upstream's `token_readers`.
    """
    if isinstance(reader, ClientRequest):
        return await links.token_of_user(reader.client, provider, reader.subject)
    return await links.token_of_caller(reader, provider)


@router.post(
    "/{provider}/link",
    status_code=204,
    summary="Link an account at an upstream",
    openapi_extra=credentials_body(),
)
async def link_upstream(
    provider: ProviderName,
    caller: CurrentUser,
    proof: Credentials,
    source: CurrentSource,
    links: Links,
) -> Response:
    """Let the caller log in at the upstream as well, from now on. Needs a login of the last ten minutes."""
    await links.link(caller, provider, proof, source)
    return Response(status_code=204)


@router.delete("/{provider}", status_code=204, summary="Unlink an upstream")
async def unlink_upstream(provider: ProviderName, caller: CurrentUser, links: Links) -> Response:
    """Remove the link, wipe and revoke the upstream's tokens, and end other sessions of logins there."""
    await links.unlink(caller, provider)
    return Response(status_code=204)
