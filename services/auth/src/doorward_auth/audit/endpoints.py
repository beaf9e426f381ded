"""The endpoint of the audit log."""

import uuid
from typing import Annotated

from fastapi import Depends, Query

from doorward_client.bearer_auth import requires
from doorward_client.permissions import Permission
from doorward_client.tokens import Claims
from doorward_identity.audit.repository import AuditAction, EventFilter
from doorward_identity.audit.service import AuditEvent, AuditLog
from doorward_kit.dependencies import provide
from doorward_kit.pagination import Cursor, Limit, Page
from doorward_kit.routing import api_router
from doorward_kit.times import Time

Audit = Annotated[AuditLog, provide(AuditLog)]

router = api_router(prefix="/api/v1/auth", tag="audit")


async def _criteria(
    action: Annotated[AuditAction | None, Query(description="One kind of event.")] = None,
    actor: Annotated[uuid.UUID | None, Query(description="Events that this user caused.")] = None,
    target: Annotated[uuid.UUID | None, Query(description="Events about this user.")] = None,
    since: Annotated[Time | None, Query(description="From this time on.")] = None,
    until: Annotated[Time | None, Query(description="Before this time.")] = None,
) -> EventFilter:
    return EventFilter(action, actor, target, since, until)


@router.get("/audit", summary="Read the audit log")
async def list_audit_events(
    _caller: Annotated[Claims, requires(Permission.AUDIT_READ)],
    events: Audit,
    criteria: Annotated[EventFilter, Depends(_criteria)],
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[AuditEvent]:
    """Every security event, the newest first."""
    return await events.page(criteria, cursor, limit)
