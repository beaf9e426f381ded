"""Queries of the audit log (ASVS 16.3): each event is written in the transaction that it describes.

The services' database accounts may insert and select events, and nothing else.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

import orjson
import sqlalchemy as sa
import uuid_utils.compat as uuid7s

from doorward_client.request_context import current_address, current_request_id
from doorward_identity.tables import audit_events
from doorward_kit.bulk_insert import insert_rows
from doorward_kit.column_types import first_id_of, utc_now

_RECORD: Final = audit_events.insert().values(occurred_at=utc_now())
"""Built once, because building it takes more processor time than executing it."""


class AuditAction(StrEnum):
    """The kinds of events, as source:subject:action."""

    LOGIN_SUCCEEDED = "auth:login:succeeded"
    LOGIN_FAILED = "auth:login:failed"
    STEP_UP_SUCCEEDED = "auth:step_up:succeeded"
    SESSION_ENDED = "auth:session:ended"
    SESSIONS_ENDED = "auth:sessions:ended"
    REFRESH_REUSED = "auth:refresh_token:reused"
    TOKEN_REVOKED = "auth:token:revoked"  # noqa: S105 - an event, not a secret
    REGISTERED = "auth:account:registered"
    EMAIL_VERIFIED = "auth:email:verified"
    EMAIL_VERIFICATION_FAILED = "auth:email:verification_failed"
    INVITATION_FAILED = "auth:invitation:failed"
    PASSWORD_CHECK_FAILED = "auth:password:check_failed"  # noqa: S105 - an event, not a secret
    CALL_REJECTED_BY_AUTH = "auth:call:refused"
    CALL_REJECTED_BY_USERS = "users:call:refused"
    EMAIL_CHANGE_ASKED = "auth:email:change_asked"
    EMAIL_CHANGE_FAILED = "auth:email:change_failed"
    EMAIL_CHANGED = "auth:email:changed"
    PASSWORD_CHANGED = "auth:password:changed"  # noqa: S105 - an event, not a secret
    PASSWORD_RESET_ASKED = "auth:password:reset_asked"  # noqa: S105 - an event, not a secret
    PASSWORD_RESET = "auth:password:reset"  # noqa: S105 - an event, not a secret
    PASSWORD_RESET_FAILED = "auth:password:reset_failed"  # noqa: S105 - an event, not a secret
    INVITATION_ACCEPTED = "auth:invitation:accepted"
    MAIL_RESENT = "auth:mail:resent"
    MAIL_DISCARDED = "auth:mail:discarded"
    CLIENT_SIGNED_IN = "oidc:client:signed_in"
    CODE_REUSED = "oidc:code:reused"
    CONSENT_GRANTED = "oidc:consent:granted"
    CONSENT_WITHDRAWN = "oidc:consent:withdrawn"
    UPSTREAM_LINKED = "auth:upstream:linked"
    UPSTREAM_UNLINKED = "auth:upstream:unlinked"
    UPSTREAM_TOKEN_READ = "auth:upstream:token_read"  # noqa: S105 - an action, not a secret
    UPSTREAM_ROLE_CHANGED = "auth:upstream:role_changed"
    UPSTREAM_PICTURE_SET = "auth:upstream:picture_set"
    UPSTREAM_GRANT_ENDED = "auth:upstream_grant:ended"
    UPSTREAM_GRANT_LOST = "auth:upstream_grant:lost"
    CLIENT_REJECTED = "auth:client:rejected"
    CLIENT_CREATED = "auth:client:created"
    CLIENT_UPDATED = "auth:client:updated"
    CLIENT_DELETED = "auth:client:deleted"
    CLIENT_SECRET_ADDED = "auth:client_secret:added"  # noqa: S105 - an event, not a secret
    CLIENT_SECRET_REMOVED = "auth:client_secret:removed"  # noqa: S105 - an event, not a secret
    ACCOUNT_CREATED = "users:account:created"
    ACCOUNT_INVITED = "users:account:invited"
    ACCOUNT_UPDATED = "users:account:updated"
    ACCOUNT_DELETED = "users:account:deleted"
    GROUP_CREATED = "users:group:created"
    GROUP_UPDATED = "users:group:updated"
    GROUP_DELETED = "users:group:deleted"
    GROUP_MEMBER_ADDED = "users:group_member:added"
    GROUP_MEMBER_REMOVED = "users:group_member:removed"
    AVATAR_SET = "users:avatar:set"
    AVATAR_DELETED = "users:avatar:deleted"
    DIRECTORY_EXPORTED = "users:directory:exported"
    DIRECTORY_EXPORTED_BY_COMMAND = "command:directory:exported"
    ACCOUNT_IMPORTED = "command:account:imported"
    ADMIN_CREATED = "command:admin:created"
    ADMIN_PROMOTED = "command:admin:promoted"
    ADMIN_PASSWORD_SET = "command:admin:password_set"  # noqa: S105 - an event, not a secret
    VAULT_ROTATED = "command:vault:rotated"


def record(
    connection: sa.Connection,
    action: AuditAction,
    *,
    actor: uuid.UUID | None,
    target: uuid.UUID | None,
    details: Mapping[str, object] | None = None,
) -> None:
    """Add an event of the current request. `actor` and `target` are user ids; `details` holds no secret."""
    connection.execute(
        _RECORD,
        {
            "id": uuid7s.uuid7(),
            "action": action.value,
            "actor_id": actor,
            "target_id": target,
            "ip_address": current_address(),
            "request_id": current_request_id(),
            "details": None if details is None else orjson.dumps(details).decode("utf-8"),
        },
    )


def record_all(
    connection: sa.Connection, action: AuditAction, targets: Sequence[uuid.UUID], now: datetime
) -> None:
    """Add the same event of each target, without an actor, in one statement."""
    names = "id", "action", "target_id", "ip_address", "request_id", "occurred_at"
    common = current_address(), current_request_id(), now
    rows = [(uuid7s.uuid7(), action.value, target, *common) for target in targets]
    insert_rows(connection, audit_events, names, rows)


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """A stored event."""

    id: uuid.UUID
    action: str
    actor_id: uuid.UUID | None
    target_id: uuid.UUID | None
    ip_address: str
    request_id: str
    occurred_at: datetime
    details: str | None


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events to list; None is any."""

    action: AuditAction | None = None
    actor: uuid.UUID | None = None
    target: uuid.UUID | None = None
    since: datetime | None = None
    until: datetime | None = None


def list_events(
    connection: sa.Connection, criteria: EventFilter, after: uuid.UUID | None, count: int
) -> Sequence[StoredEvent]:
    """Read up to `count` events, the newest first, after the event with the id `after`."""
    statement = sa.select(
        audit_events.c.id,
        audit_events.c.action,
        audit_events.c.actor_id,
        audit_events.c.target_id,
        audit_events.c.ip_address,
        audit_events.c.request_id,
        audit_events.c.occurred_at,
        audit_events.c.details,
    ).where(*_conditions(criteria))
    if after is not None:
        statement = statement.where(audit_events.c.id < after)
    rows = connection.execute(statement.order_by(audit_events.c.id.desc()).limit(count))
    return [StoredEvent(*row) for row in rows]


def list_details(connection: sa.Connection, criteria: EventFilter, count: int) -> list[dict[str, Any]]:
    """Read the details of up to `count` events; an event without any has none."""
    statement = sa.select(audit_events.c.details).where(*_conditions(criteria)).limit(count)
    return [orjson.loads(details or "{}") for details in connection.execute(statement).scalars()]


def purge(connection: sa.Connection, *, before: datetime, count: int) -> int:
    """Delete up to `count` events older than a time; return how many. No service has the grant for it."""
    ids = sa.select(audit_events.c.id).where(audit_events.c.id < first_id_of(before))
    oldest = list(connection.execute(ids.order_by(audit_events.c.id).limit(count)).scalars())
    if oldest:
        connection.execute(audit_events.delete().where(audit_events.c.id.in_(oldest)))
    return len(oldest)


def _conditions(criteria: EventFilter) -> list[sa.ColumnElement[bool]]:
    conditions: list[sa.ColumnElement[bool]] = []
    values: list[tuple[sa.Column[Any], object]] = [
        (audit_events.c.action, None if criteria.action is None else criteria.action.value),
        (audit_events.c.actor_id, criteria.actor),
        (audit_events.c.target_id, criteria.target),
    ]
    conditions += [column == value for column, value in values if value is not None]
    if criteria.since is not None:
        conditions.append(audit_events.c.id >= first_id_of(criteria.since))
    if criteria.until is not None:
        conditions.append(audit_events.c.id < first_id_of(criteria.until))
    return conditions
