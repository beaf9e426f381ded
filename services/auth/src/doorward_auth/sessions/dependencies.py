"""The service that endpoints of sessions depend on, and where a request comes from."""

from typing import Annotated

from fastapi import Depends, Request

from doorward_auth.refresh_cookies.dependencies import RequestedCookie
from doorward_auth.request_source import USER_AGENT_LENGTH, RequestSource
from doorward_auth.sessions.service import SessionService
from doorward_client.request_context import current_address
from doorward_kit.dependencies import provide

Sessions = Annotated[SessionService, provide(SessionService)]


async def _source(request: Request, cookie: RequestedCookie) -> RequestSource:
    user_agent = "".join(filter(str.isprintable, request.headers.get("user-agent", "")))
    return RequestSource(user_agent[:USER_AGENT_LENGTH], current_address(), cookie)


CurrentSource = Annotated[RequestSource, Depends(_source)]
