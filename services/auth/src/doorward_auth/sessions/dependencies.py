"""The service that endpoints of sessions depend on, and where a request comes from."""

from typing import Annotated

from fastapi import Depends, Request

from doorward_auth.sessions.repository import USER_AGENT_LENGTH, Origin
from doorward_auth.sessions.service import SessionService
from doorward_client.request_context import current_address
from doorward_kit.dependencies import provide

Sessions = Annotated[SessionService, provide(SessionService)]


async def _origin(request: Request) -> Origin:
    user_agent = "".join(filter(str.isprintable, request.headers.get("user-agent", "")))
    return Origin(user_agent[:USER_AGENT_LENGTH], current_address())


RequestOrigin = Annotated[Origin, Depends(_origin)]
