"""Pages of the audit log: all of it at auth, a user's own events at users."""

import uuid
from datetime import datetime
from typing import Any

import orjson
from pydantic import BaseModel, Field

from doorward_identity.audit.repository import AuditAction, EventFilter, StoredEvent, list_events
from doorward_identity.resources import IdentityResources
from doorward_kit.pagination import CursorCodec, Page, Position
from doorward_kit.settings import ServiceSettings


class AuditEvent(BaseModel):
    """A security event."""

    id: uuid.UUID
    # Text: during a rollout the older release reads kinds of events that it does not know.
    action: str = Field(
        description="The kind of event, as source:subject:action.", examples=[AuditAction.LOGIN_FAILED]
    )
    actor_id: uuid.UUID | None = Field(description="The user who caused it, if known.")
    target_id: uuid.UUID | None = Field(description="The user whose account it concerns.")
    ip: str
    request_id: str
    occurred_at: datetime
    details: dict[str, Any] | None


class AuditLog:
    """Reads events, the newest first."""

    def __init__(self, resources: IdentityResources, settings: ServiceSettings) -> None:
        self._database = resources.database
        self._cursors = CursorCodec(lambda: settings.cursor_secrets(resources.verification.keys))

    async def page(self, criteria: EventFilter, cursor: str | None, limit: int) -> Page[AuditEvent]:
        """Read one page; raises InvalidCursorError."""
        after = None if cursor is None else uuid.UUID(hex=self._cursors.decode(cursor, query=[criteria]).id)
        events = await self._database.read(
            lambda connection: list_events(connection, criteria, after, limit + 1)
        )
        page, next_cursor = self._cursors.page(
            events, limit, lambda event: Position("", event.id.hex), query=[criteria]
        )
        return Page(items=[_audit_event(event) for event in page], next_cursor=next_cursor)


def _audit_event(event: StoredEvent) -> AuditEvent:
    return AuditEvent(
        id=event.id,
        action=event.action,
        actor_id=event.actor_id,
        target_id=event.target_id,
        ip=event.ip_address,
        request_id=event.request_id,
        occurred_at=event.occurred_at,
        details=None if event.details is None else orjson.loads(event.details),
    )
