"""Endpoints of the caller's own profile."""

from typing import Annotated

from starlette.responses import Response

from doorward_client.bearer_auth import CurrentUser
from doorward_identity.audit.repository import EventFilter
from doorward_identity.audit.service import AuditEvent, AuditLog
from doorward_kit.dependencies import provide
from doorward_kit.etags import IfMatch, IfNoneMatch
from doorward_kit.fast_routes import FastRoute
from doorward_kit.pagination import Cursor, Limit, Page
from doorward_kit.routing import api_router
from doorward_users.directory.dependencies import Administration, Directory
from doorward_users.directory.schemas import ProfilePatch, User
from doorward_users.directory.serializers import user_response

router = api_router(prefix="/api/v1/users/me", tag="profile")
fast_router = api_router(prefix="/api/v1/users/me", tag="profile", route_class=FastRoute)


@fast_router.get("", response_model=User, summary="Read your profile")
async def get_profile(
    caller: CurrentUser, directory: Directory, if_none_match: IfNoneMatch = None
) -> Response:
    """Read the caller's own account. With `If-None-Match`, 304 if it has not changed."""
    return user_response(await directory.get(caller, caller.user_id), if_none_match=if_none_match)


@router.patch("", response_model=User, summary="Change your profile")
async def update_profile(
    body: ProfilePatch, caller: CurrentUser, administration: Administration, if_match: IfMatch = None
) -> Response:
    """Change the caller's own name. Administrators change role, status and email."""
    return user_response(await administration.rename(caller, body.name, if_match))


@router.get("/activity", summary="List the security events of your account")
async def list_activity(
    caller: CurrentUser,
    events: Annotated[AuditLog, provide(AuditLog)],
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[AuditEvent]:
    """Logins, changes and other events about the caller's account, newest first."""
    return await events.page(EventFilter(target=caller.user_id), cursor, limit)
