"""Endpoints about sessions."""

import uuid
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field
from starlette.responses import Response

from doorward_auth.refresh_cookies.dependencies import COOKIE_PARAMETER, RequestedCookie
from doorward_auth.sessions.dependencies import Sessions
from doorward_auth.sessions.listing import SessionKind, SessionSummary
from doorward_client.bearer_auth import CurrentUser, requires
from doorward_client.permissions import Permission
from doorward_client.tokens import Claims
from doorward_kit.pagination import Page
from doorward_kit.routing import api_router

SessionEnder = Annotated[Claims, requires(Permission.SESSIONS_END)]

router = api_router(prefix="/api/v1/auth", tag="sessions")


class Session(BaseModel):
    """A live session of the caller."""

    id: uuid.UUID
    kind: SessionKind = Field(
        description="`direct`: a login at this API. `client`: of an application that the user signed in to."
        " `browser`: at the pages of auth, which signs in to further applications."
    )
    client: str | None = Field(description="The name of the application, of kind `client`.")
    current: bool = Field(description="Whether this request was made with it.")
    device: str = Field(description="The user agent of the login.")
    ip: str = Field(description="The IP address of the login.")
    created_at: datetime
    last_used_at: datetime = Field(description="When it was last refreshed.")
    expires_at: datetime = Field(description="When it ends unless it is refreshed.")


@router.post("/logout", status_code=204, summary="End this session", openapi_extra=COOKIE_PARAMETER)
@router.delete(
    "/logout",
    status_code=204,
    summary="End this session",
    operation_id="logOutByDelete",
    openapi_extra=COOKIE_PARAMETER,
)
async def log_out(caller: CurrentUser, cookie: RequestedCookie, sessions: Sessions) -> Response:
    """End the session of the access token: both its tokens stop working, everywhere within 2 s.

    A page whose refresh token is in a cookie names it in `Doorward-CSRF`, and the cookie is removed.
    """
    await sessions.log_out(caller)
    return Response(status_code=204, headers={} if cookie is None else {"Set-Cookie": cookie.cleared()})


@router.get("/sessions", summary="List your sessions")
async def list_sessions(caller: CurrentUser, sessions: Sessions) -> Page[Session]:
    """List up to 200 of your live sessions on one page, the most recently used first."""
    found = await sessions.list_live(caller.user_id)
    return Page(items=[_session(summary, caller) for summary in found], next_cursor=None)


@router.delete("/sessions", status_code=204, summary="End all your sessions")
async def end_all_sessions(caller: CurrentUser, sessions: Sessions) -> Response:
    """Log out everywhere, here included."""
    await sessions.end_all(caller, caller.user_id)
    return Response(status_code=204)


@router.delete("/sessions/{session_id}", status_code=204, summary="End one of your sessions")
async def end_session(session_id: uuid.UUID, caller: CurrentUser, sessions: Sessions) -> Response:
    """Log out on another device."""
    await sessions.end_own(caller.user_id, session_id)
    return Response(status_code=204)


@router.delete("/users/{user_id}/sessions", status_code=204, summary="End all sessions of a user")
async def end_sessions_of_user(user_id: uuid.UUID, caller: SessionEnder, sessions: Sessions) -> Response:
    """Log a user out everywhere."""
    await sessions.end_all(caller, user_id)
    return Response(status_code=204)


def _session(summary: SessionSummary, caller: Claims) -> Session:
    return Session(
        id=summary.id,
        kind=summary.kind,
        client=summary.client,
        current=summary.id == caller.session_id,
        device=summary.user_agent,
        ip=summary.ip_address,
        created_at=summary.created_at,
        last_used_at=summary.last_used_at,
        expires_at=summary.expires_at,
    )
