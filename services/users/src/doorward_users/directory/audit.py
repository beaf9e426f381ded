"""Telling of changes: to the audit log in their transaction, to the log after it."""

import uuid
from typing import Any

import sqlalchemy as sa
import structlog

from doorward_client.tokens import Claims
from doorward_identity.audit.repository import AuditAction, record
from doorward_users.directory.repository import UserRow

log = structlog.get_logger(__name__)


def told(user: UserRow, changes: dict[str, Any]) -> dict[str, Any]:
    """Say which fields changed; of role and status also from what to what."""
    named = sorted(name for name in changes if not name.endswith("_key"))
    moved = {
        name: [getattr(user, name), changes[name]]
        for name in ("role", "status")
        if changes.get(name, getattr(user, name)) != getattr(user, name)
    }
    return {"fields": named, **moved}


def record_change(
    connection: sa.Connection, action: AuditAction, caller: Claims, target: uuid.UUID, **details: object
) -> None:
    """Add a change to the audit log."""
    record(connection, action, actor=caller.user_id, target=target, details=details or None)


def log_change(event: str, caller: Claims, user_id: uuid.UUID, **fields: object) -> None:
    """Log a change that was committed."""
    log.info(event, actor_id=str(caller.user_id), user_id=str(user_id), **fields)
