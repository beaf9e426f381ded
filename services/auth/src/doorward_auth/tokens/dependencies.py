"""The services and the body that endpoints of tokens depend on."""

from typing import Annotated

from fastapi import Depends, Request

from doorward_auth.bodies import read_json, validated
from doorward_auth.tokens.refresh_service import RefreshService
from doorward_auth.tokens.schemas import RefreshRequest
from doorward_kit.dependencies import provide

Refreshes = Annotated[RefreshService, provide(RefreshService)]


async def _refresh_request(request: Request) -> RefreshRequest:
    return validated(RefreshRequest, await read_json(request))


RefreshBody = Annotated[RefreshRequest, Depends(_refresh_request)]
