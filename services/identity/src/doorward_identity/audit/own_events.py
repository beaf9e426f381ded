"""What users do to their own accounts, in the audit log, with a limit for each user and action.

Events are kept for long, so a caller who repeats what is allowed must not fill the log. The log itself is
counted, for all replicas together, and no further table is needed. Of requests at the same moment a few more
may pass, unless they wait for one lock.
"""

import uuid
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

import sqlalchemy as sa
import structlog

from doorward_client.request_context import note_rejection
from doorward_identity.audit.repository import AuditAction, record
from doorward_identity.errors import TooManyAttemptsError
from doorward_identity.tables import audit_events
from doorward_kit.rate_limiting.row_limits import RowLimit, recent_rows

log = structlog.get_logger(__name__)


CHANGES: Final = RowLimit(100, timedelta(hours=1))
"""Of each kind of change. Users do not come near it."""

TOKEN_READS: Final = RowLimit(600, timedelta(minutes=10))
"""Applications read a token of an upstream for each of their requests there."""

_C: Final = audit_events.c
_RECENT: Final = (
    recent_rows(
        _C.id,
        _C.target_id == sa.bindparam("user_id"),
        _C.actor_id == sa.bindparam("user_id"),
        _C.action == sa.bindparam("action"),
    )
    # That of targets also has what others do to the user: failed logins, reads of tokens by services.
    .with_hint(audit_events, "FORCE INDEX (ix_audit_events_actor_id_id)", "mysql")
    .with_hint(audit_events, "FORCE INDEX (ix_audit_events_actor_id_id)", "mariadb")
)


def require_room(
    connection: sa.Connection, action: AuditAction, user_id: uuid.UUID, limit: RowLimit = CHANGES
) -> None:
    """Raise TooManyAttemptsError if the limit of a user's own events is reached.

    After the lock of the account in a transaction it is exact. It reads only the user's own events.
    """
    values = {"user_id": user_id, "action": action.value}
    seconds = limit.seconds_to_wait(connection, _RECENT, values)
    if seconds is not None:
        note_rejection()
        log.info("rate_limit.exceeded", limits=[action.value], user_id=str(user_id))
        raise TooManyAttemptsError(seconds)


def record_own(
    connection: sa.Connection,
    action: AuditAction,
    user_id: uuid.UUID,
    details: Mapping[str, object] | None = None,
) -> None:
    """Add an event about what a user changed in the own account; raises TooManyAttemptsError.

    The error undoes the change, which is of the same transaction.
    """
    require_room(connection, action, user_id)
    record(connection, action, actor=user_id, target=user_id, details=details)
