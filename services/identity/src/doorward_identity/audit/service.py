"""Events as pages: for administrators at auth, for everybody about themselves at users."""

import uuid
from datetime import datetime
from typing import Any

import orjson
from pydantic import BaseModel, Field

from doorward_identity.audit.repository import AuditAction, Event, EventFilter, list_events
from doorward_identity.resources import IdentityResources
from doorward_kit.pagination import CursorCodec, Page, Position
from doorward_kit.settings import ServiceSettings


class AuditEvent(BaseModel):
    """Something that happened."""

    id: uuid.UUID
    # Text: while a release is rolled out, the one before reads kinds of events that it does not know.
    action: str = Field(
        description="What happened, as source:subject:action.", examples=[AuditAction.LOGIN_FAILED]
    )
    actor_id: uuid.UUID | None = Field(description="Who did it, if that is known.")
    target_id: uuid.UUID | None = Field(description="Whose account it is about.")
    ip: str
    request_id: str
    occurred_at: datetime
    details: dict[str, Any] | None


class AuditLog:
    """Reads events, the newest first."""

    def __init__(self, runtime: IdentityResources, settings: ServiceSettings) -> None:
        self._database = runtime.database
        self._cursors = CursorCodec(lambda: settings.cursor_secrets(runtime.verification.keys))

    async def page(self, wanted: EventFilter, cursor: str | None, limit: int) -> Page[AuditEvent]:
        """Read one page; raises InvalidCursorError."""
        behind = None if cursor is None else uuid.UUID(hex=self._cursors.decode(cursor, query=[wanted]).id)
        events = await self._database.read(
            lambda connection: list_events(connection, wanted, behind, limit + 1)
        )
        shown, next_cursor = self._cursors.page(
            events, limit, lambda event: Position("", event.id.hex), query=[wanted]
        )
        return Page(items=[_presented(event) for event in shown], next_cursor=next_cursor)


def _presented(event: Event) -> AuditEvent:
    return AuditEvent(
        id=event.id,
        action=event.action,
        actor_id=None if event.actor_id is None else event.actor_id,
        target_id=None if event.target_id is None else event.target_id,
        ip=event.ip_address,
        request_id=event.request_id,
        occurred_at=event.occurred_at,
        details=None if event.details is None else orjson.loads(event.details),
    )
