"""Endpoints about sessions."""

import uuid
from typing import Annotated

from starlette.responses import Response

from doorward_auth.dependencies import Sessions
from doorward_auth.sessions.repository import SessionSummary
from doorward_auth.sessions.schemas import Session, SessionList
from doorward_client.bearer_auth import CurrentUser, requires
from doorward_client.permissions import Permission
from doorward_client.tokens import Claims
from doorward_kit.routing import api_router

SessionEnder = Annotated[Claims, requires(Permission.SESSIONS_END)]

router = api_router(prefix="/api/v1/auth", tag="sessions")


@router.post("/logout", status_code=204, summary="End this session")
@router.delete("/logout", status_code=204, summary="End this session", operation_id="delete_logout")
async def log_out(caller: CurrentUser, sessions: Sessions) -> Response:
    """End the session of the access token: both its tokens stop working, everywhere within 2 s."""
    await sessions.log_out(caller)
    return Response(status_code=204)


@router.get("/sessions", summary="List your sessions")
async def list_sessions(caller: CurrentUser, sessions: Sessions) -> SessionList:
    """Where you are logged in: up to 200 sessions, the one used last first."""
    entries = await sessions.list_live(caller)
    return SessionList(items=[_session(entry, caller) for entry in entries])


@router.delete("/sessions", status_code=204, summary="End all your sessions")
async def end_all_sessions(caller: CurrentUser, sessions: Sessions) -> Response:
    """Log out everywhere, here included."""
    await sessions.end_all(caller, caller.user_id)
    return Response(status_code=204)


@router.delete("/sessions/{session_id}", status_code=204, summary="End one of your sessions")
async def end_session(session_id: uuid.UUID, caller: CurrentUser, sessions: Sessions) -> Response:
    """Log out in one other place."""
    await sessions.end_own(caller, session_id)
    return Response(status_code=204)


@router.delete("/users/{user_id}/sessions", status_code=204, summary="End all sessions of a user")
async def end_sessions_of(user_id: uuid.UUID, caller: SessionEnder, sessions: Sessions) -> Response:
    """Log somebody out everywhere."""
    await sessions.end_all(caller, user_id)
    return Response(status_code=204)


def _session(entry: SessionSummary, caller: Claims) -> Session:
    session_id = entry.id
    return Session(
        id=session_id,
        current=session_id == caller.session_id,
        device=entry.user_agent,
        ip=entry.ip_address,
        created_at=entry.created_at,
        last_used_at=entry.last_used_at,
        expires_at=entry.expires_at,
    )
