"""Reads stored rows of accounts, and dates them back in time."""

import math
import uuid
from datetime import UTC, datetime

import sqlalchemy as sa

from doorward_identity.mail_types import MailName
from doorward_identity.tables import one_time_codes, outbox, pending_registrations, registration_codes
from doorward_kit.column_types import utc_now
from doorward_mail.outbox.mail import Mail, enqueue
from integration.harness.installation import Installation

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def expire_codes(installation: Installation) -> None:
    """Make every code of an account expired."""
    installation.execute(one_time_codes.update().values(expires_at=LONG_AGO))


def expire_registrations(installation: Installation) -> None:
    """Let every registration expire, and the codes of their addresses."""
    for table in (pending_registrations, registration_codes):
        installation.execute(table.update().values(expires_at=LONG_AGO))


def seconds_left(installation: Installation, table: sa.Table) -> int:
    """Return the remaining lifetime of the only row of a table, rounded up to a minute: tests may be slow."""
    [[expires_at, now]] = installation.execute(sa.select(table.c.expires_at, utc_now()))
    seconds: float = (expires_at - now).total_seconds()
    return 60 * math.ceil(seconds / 60)


def count(installation: Installation, table: sa.Table, user_id: str | None = None) -> int:
    """Count the rows of a table, or those of a user."""
    counted = sa.select(sa.func.count()).select_from(table)
    if user_id is not None:
        counted = counted.where(table.c.user_id == uuid.UUID(user_id))
    [[found]] = installation.execute(counted)
    return int(found)


def store_dead_letter(installation: Installation, recipient: str, *, seconds_ago: int = 0) -> uuid.UUID:
    """Store a dead letter, like a worker after a permanent rejection."""
    mail = Mail(MailName.PASSWORD_CHANGED.value, recipient, parameters={"name": "Ada"})
    with installation.transaction() as connection:
        enqueue(connection, outbox, mail)
        connection.execute(
            outbox.update()
            .where(outbox.c.id == mail.id)
            .values(due_at=None, dead_at=utc_now(-seconds_ago), attempts=9, last_error="recipient 550 5.1.1")
        )
    return mail.id
