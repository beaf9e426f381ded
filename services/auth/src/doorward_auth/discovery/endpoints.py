"""Endpoints of discovery."""

from typing import Final

from starlette.responses import JSONResponse, Response

from doorward_auth.discovery.dependencies import Discovery
from doorward_auth.discovery.service import JsonWebKeySet, ServerMetadata
from doorward_kit.etags import IfNoneMatch, not_modified
from doorward_kit.routing import api_router

PREFIX: Final = "/api/v1/auth"
WELL_KNOWN: Final = "/.well-known/oauth-authorization-server"

router = api_router(prefix="", tag="discovery")


@router.get(f"{PREFIX}/jwks.json", response_model=JsonWebKeySet, summary="Get the public keys")
async def jwks(discovery: Discovery, if_none_match: IfNoneMatch = None) -> Response:
    """Return the public keys that verify access tokens (RFC 7517): none with a shared secret."""
    keys, tag = discovery.key_set()
    headers = {"ETag": tag, "Cache-Control": "public, max-age=60"}
    if not_modified(if_none_match, tag):
        return Response(status_code=304, headers=headers)
    return JSONResponse(keys.model_dump(), headers=headers)


# RFC 8414 section 3 puts the well-known part before the issuer's path; OpenID's rule puts it behind.
@router.get(f"{WELL_KNOWN}{PREFIX}", summary="Get the server metadata")
@router.get(f"{PREFIX}{WELL_KNOWN}", summary="Get the server metadata", operation_id="metadata_behind_path")
async def metadata(discovery: Discovery) -> ServerMetadata:
    """Describe this authorization server (RFC 8414), if its issuer is a URL."""
    return discovery.metadata()
