"""Queries on upstream_identities: which user an account at an upstream belongs to."""

import uuid
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import exc

from doorward_identity.audit.own_events import record_own
from doorward_identity.audit.repository import AuditAction, record
from doorward_identity.tables import upstream_identities
from doorward_identity.upstream_tables import USERNAME_LENGTH
from doorward_kit.column_types import utc_now

_C = upstream_identities.c


@dataclass(frozen=True, slots=True)
class LinkedIdentity:
    """A user's account at an upstream."""

    provider: str
    subject: str
    username: str | None
    linked_at: datetime


def link(
    connection: sa.Connection, user_id: uuid.UUID, provider: str, subject: str, username: str | None
) -> bool:
    """Link an account at an upstream to a user, and record it; return whether it could be linked.

    Not if it belongs to a user already, or the user has another account there. Its transaction goes on.
    Raises TooManyAttemptsError.
    """
    try:
        connection.execute(
            upstream_identities.insert().values(
                user_id=user_id,
                provider=provider,
                subject=subject,
                username=None if username is None else username[:USERNAME_LENGTH],
                linked_at=utc_now(),
            )
        )
    except exc.IntegrityError:
        return False
    record_own(connection, AuditAction.UPSTREAM_LINKED, user_id, {"provider": provider})
    return True


def find_user(connection: sa.Connection, provider: str, subject: str) -> uuid.UUID | None:
    """Return the user that an account at an upstream belongs to."""
    found = sa.select(_C.user_id, _C.subject).where(_C.provider == provider, _C.subject == subject)
    row = connection.execute(found).one_or_none()
    # MariaDB's collations ignore spaces at the end.
    return None if row is None or row.subject != subject else row.user_id


def find_subject(connection: sa.Connection, user_id: uuid.UUID, provider: str) -> str | None:
    """Return a user's account at an upstream; None without a link."""
    found = sa.select(_C.subject).where(_C.user_id == user_id, _C.provider == provider)
    return connection.execute(found).scalar_one_or_none()


def list_of(connection: sa.Connection, user_id: uuid.UUID) -> list[LinkedIdentity]:
    """Read a user's accounts at upstreams."""
    columns = _C.provider, _C.subject, _C.username, _C.linked_at
    found = sa.select(*columns).where(_C.user_id == user_id).order_by(_C.provider)
    return [LinkedIdentity(*row) for row in connection.execute(found)]


def note_username(connection: sa.Connection, user_id: uuid.UUID, provider: str, username: str | None) -> None:
    """Store the user name of a login, unless it is known."""
    value = None if username is None else username[:USERNAME_LENGTH]
    mine = upstream_identities.update().where(_C.user_id == user_id, _C.provider == provider)
    changed = _C.username.is_not(None) if value is None else sa.func.coalesce(_C.username, "") != value
    connection.execute(mine.where(changed).values(username=value))


def unlink(connection: sa.Connection, user_id: uuid.UUID, provider: str) -> bool:
    """Remove a link, and record it; return whether there was one. GrantService.end_all ends its grants."""
    mine = upstream_identities.delete().where(_C.user_id == user_id, _C.provider == provider)
    if not connection.execute(mine).rowcount:
        return False
    # Without a limit of its own: each link was one, and the owner of an account can remove a thief's.
    record(
        connection,
        AuditAction.UPSTREAM_UNLINKED,
        actor=user_id,
        target=user_id,
        details={"provider": provider},
    )
    return True
