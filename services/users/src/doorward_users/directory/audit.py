"""Changes of accounts in the audit log, within their transaction, and in the log after the commit."""

import uuid
from typing import Any

import sqlalchemy as sa
import structlog

from doorward_client.tokens import Claims
from doorward_identity.audit.repository import AuditAction, record
from doorward_users.directory.repository import UserRow

log = structlog.get_logger(__name__)


def describe_changes(user: UserRow, changes: dict[str, Any]) -> dict[str, Any]:
    """Return the names of the changed fields, and the old and new values of role and status."""
    named = sorted(name for name in changes if not name.endswith("_key"))
    transitions = {
        name: [getattr(user, name), changes[name]]
        for name in ("role", "status")
        if changes.get(name, getattr(user, name)) != getattr(user, name)
    }
    return {"fields": named, **transitions}


def record_change(
    connection: sa.Connection, action: AuditAction, caller: Claims, target: uuid.UUID, **details: object
) -> None:
    record(connection, action, actor=caller.user_id, target=target, details=details or None)


def log_change(event: str, caller: Claims, user_id: uuid.UUID, **fields: object) -> None:
    log.info(event, actor_id=str(caller.user_id), user_id=str(user_id), **fields)
