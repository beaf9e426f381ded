"""What endpoints of the auth service are handed."""

from typing import Annotated

from fastapi import Depends, Request

from doorward_auth.oauth.service import TokenInspector
from doorward_auth.sessions.repository import Device
from doorward_auth.sessions.service import SessionService
from doorward_auth.tokens.logins import LoginService
from doorward_auth.tokens.refreshes import RefreshService
from doorward_common.request_context import current_address
from doorward_identity.audit_log import AuditLog


async def _logins(request: Request) -> LoginService:
    service: LoginService = request.app.state.logins
    return service


async def _refreshes(request: Request) -> RefreshService:
    service: RefreshService = request.app.state.refreshes
    return service


async def _sessions(request: Request) -> SessionService:
    service: SessionService = request.app.state.sessions
    return service


async def _inspector(request: Request) -> TokenInspector:
    service: TokenInspector = request.app.state.inspector
    return service


async def _audit(request: Request) -> AuditLog:
    log: AuditLog = request.app.state.audit
    return log


async def _device(request: Request) -> Device:
    user_agent = request.headers.get("user-agent", "")
    return Device(
        user_agent="".join(character for character in user_agent if character.isprintable()),
        address=current_address(),
    )


Logins = Annotated[LoginService, Depends(_logins)]
Refreshes = Annotated[RefreshService, Depends(_refreshes)]
Sessions = Annotated[SessionService, Depends(_sessions)]
Inspector = Annotated[TokenInspector, Depends(_inspector)]
Audit = Annotated[AuditLog, Depends(_audit)]
CallingDevice = Annotated[Device, Depends(_device)]
