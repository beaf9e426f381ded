"""The credentials of a login at an upstream: a password, or a one-time code."""

from typing import Annotated, Any

from fastapi import Depends, Request

from doorward_auth.bodies import read_json, validated
from doorward_auth.upstream.logins.schemas import UpstreamLoginRequest
from doorward_auth.upstream.redirects.schemas import UpstreamCodeRequest

UpstreamCredentials = UpstreamLoginRequest | UpstreamCodeRequest


async def _credentials(request: Request) -> UpstreamCredentials:
    """Read the body; raises RequestValidationError."""
    body = await read_json(request)
    if isinstance(body, dict) and "code" in body:
        return validated(UpstreamCodeRequest, body)
    return validated(UpstreamLoginRequest, body)


Credentials = Annotated[UpstreamCredentials, Depends(_credentials)]


def credentials_body() -> dict[str, Any]:
    """Describe the body for OpenAPI."""
    schemas = [UpstreamLoginRequest.model_json_schema(), UpstreamCodeRequest.model_json_schema()]
    content = {"application/json": {"schema": {"anyOf": schemas}}}
    return {"requestBody": {"required": True, "content": content}}
