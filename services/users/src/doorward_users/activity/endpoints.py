"""The endpoint of one's own activity."""

from doorward_client.bearer_auth import CurrentUser
from doorward_identity.audit.repository import EventFilter
from doorward_identity.audit.service import AuditEvent
from doorward_kit.pagination import Cursor, Limit, Page
from doorward_kit.routing import api_router
from doorward_users.activity.dependencies import Audit

router = api_router(prefix="/api/v1/users/me", tag="profile")


@router.get("/activity", summary="Read what happened to your account")
async def activity(
    caller: CurrentUser, events: Audit, cursor: Cursor = None, limit: Limit = 50
) -> Page[AuditEvent]:
    """Logins, changes and whatever else concerned the caller's account, the newest first."""
    wanted = EventFilter(target=caller.user_id)
    return await events.page(wanted, cursor, limit)
