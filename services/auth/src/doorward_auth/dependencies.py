"""What endpoints of the auth service are handed."""

from typing import Annotated

from fastapi import Depends, Request

from doorward_auth.oauth.service import TokenInspector
from doorward_auth.sessions.repository import Device
from doorward_auth.sessions.service import SessionService
from doorward_auth.settings import AuthSettings
from doorward_auth.tokens.service import TokenService
from doorward_common.addresses import client_address


async def _tokens(request: Request) -> TokenService:
    service: TokenService = request.app.state.tokens
    return service


async def _sessions(request: Request) -> SessionService:
    service: SessionService = request.app.state.sessions
    return service


async def _inspector(request: Request) -> TokenInspector:
    service: TokenInspector = request.app.state.inspector
    return service


async def _device(request: Request) -> Device:
    settings: AuthSettings = request.app.state.settings
    user_agent = request.headers.get("user-agent", "")
    return Device(
        user_agent="".join(character for character in user_agent if character.isprintable()),
        address=client_address(request, settings.trusted_proxies),
    )


Tokens = Annotated[TokenService, Depends(_tokens)]
Sessions = Annotated[SessionService, Depends(_sessions)]
Inspector = Annotated[TokenInspector, Depends(_inspector)]
CallingDevice = Annotated[Device, Depends(_device)]
