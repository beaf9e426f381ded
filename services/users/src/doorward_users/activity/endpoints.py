"""The endpoint of one's own activity."""

from doorward_common.auth import CurrentUser
from doorward_common.pagination import Cursor, Limit, Page
from doorward_common.routing import strict_router
from doorward_identity.audit import EventFilter
from doorward_identity.audit_log import AuditEvent
from doorward_users.dependencies import Audit

router = strict_router(prefix="/api/v1/users/me", tag="profile")


@router.get("/activity", summary="Read what happened to your account")
async def activity(
    caller: CurrentUser, events: Audit, cursor: Cursor = None, limit: Limit = 50
) -> Page[AuditEvent]:
    """Logins, changes and whatever else concerned the caller's account, the newest first."""
    wanted = EventFilter(target=caller.subject.bytes)
    return await events.page(wanted, cursor, limit)
