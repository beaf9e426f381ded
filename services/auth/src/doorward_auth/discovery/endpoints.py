"""Endpoints of discovery."""

from typing import Annotated, Final

from starlette.responses import JSONResponse, Response

from doorward_auth.discovery.service import DiscoveryService, JsonWebKeySet, ServerMetadata
from doorward_kit.dependencies import provide
from doorward_kit.etags import IfNoneMatch, not_modified
from doorward_kit.routing import api_router

Discovery = Annotated[DiscoveryService, provide(DiscoveryService)]

PREFIX: Final = "/api/v1/auth"
WELL_KNOWN: Final = "/.well-known/oauth-authorization-server"
OPENID_CONFIGURATION: Final = "/.well-known/openid-configuration"

router = api_router(prefix="", tag="discovery")


@router.get(f"{PREFIX}/jwks.json", response_model=JsonWebKeySet, summary="Get the public keys")
async def get_jwks(discovery: Discovery, if_none_match: IfNoneMatch = None) -> Response:
    """Return the public keys that verify id tokens and access tokens (RFC 7517).

    A shared secret is not published: without OpenID Connect there may be no key.
    """
    keys, tag = discovery.key_set()
    headers = {"ETag": tag, "Cache-Control": "public, max-age=60"}
    if not_modified(if_none_match, tag):
        return Response(status_code=304, headers=headers)
    return JSONResponse(keys.model_dump(), headers=headers)


# RFC 8414 section 3 puts the well-known part before the issuer's path; OpenID's rule puts it behind.
@router.get(f"{WELL_KNOWN}{PREFIX}", summary="Get the server metadata")
@router.get(
    f"{PREFIX}{WELL_KNOWN}", summary="Get the server metadata", operation_id="getServerMetadataBehindPath"
)
@router.get(
    f"{PREFIX}{OPENID_CONFIGURATION}",
    summary="Get the configuration of OpenID Connect",
    operation_id="getOpenidConfiguration",
)
async def get_server_metadata(discovery: Discovery, response: Response) -> ServerMetadata:
    """Describe this OpenID provider (OpenID Connect Discovery, RFC 8414): one document at each address."""
    response.headers["Cache-Control"] = "public, max-age=60"
    return discovery.metadata()
