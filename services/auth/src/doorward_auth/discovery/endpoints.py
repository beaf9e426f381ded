"""Endpoints of discovery."""

from typing import Final

from fastapi import Request
from starlette.responses import JSONResponse, Response

from doorward_auth.discovery.schemas import JsonWebKeySet, ServerMetadata
from doorward_auth.discovery.service import published_keys, server_metadata
from doorward_kit.etags import IfNoneMatch, not_modified
from doorward_kit.routing import api_router
from doorward_kit.settings import ServiceSettings

PREFIX: Final = "/api/v1/auth"
WELL_KNOWN: Final = "/.well-known/oauth-authorization-server"

router = api_router(prefix="", tag="discovery")


@router.get(f"{PREFIX}/jwks.json", response_model=JsonWebKeySet, summary="Public keys of access tokens")
async def jwks(request: Request, if_none_match: IfNoneMatch = None) -> Response:
    """Return the keys that anybody may verify with (RFC 7517): none while the key is a shared secret."""
    keys, tag = published_keys(request.app.state.resources.verification.keys)
    headers = {"ETag": tag, "Cache-Control": "public, max-age=60"}
    if not_modified(if_none_match, tag):
        return Response(status_code=304, headers=headers)
    return JSONResponse(keys.model_dump(), headers=headers)


# RFC 8414 section 3 puts the well-known part before the issuer's path; OpenID's rule puts it behind.
@router.get(f"{WELL_KNOWN}{PREFIX}", summary="Where the endpoints are")
@router.get(f"{PREFIX}{WELL_KNOWN}", summary="Where the endpoints are", operation_id="metadata_behind_path")
async def metadata(request: Request) -> ServerMetadata:
    """Describe this authorization server (RFC 8414), once its issuer is a URL."""
    settings: ServiceSettings = request.app.state.settings
    return server_metadata(settings.issuer)
