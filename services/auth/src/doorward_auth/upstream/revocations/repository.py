"""Queries on the tokens to revoke.

A lease counts an attempt and makes the row due again at the lease's end. So the rows of a process that
crashed are delivered by another. Processes skip each other's rows, and change only what they have leased.
"""

import uuid
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import sqlalchemy as sa

from doorward_auth.upstream.revocations.models import PendingRevocation, SealedRevocation
from doorward_identity.tables import upstream_revocations
from doorward_kit.column_types import utc_now

_C: Final = upstream_revocations.c
COLUMNS: Final[tuple[sa.ColumnElement[Any], ...]] = (
    _C.id,
    _C.provider,
    _C.subject,
    _C.grant_id,
    _C.access_token,
    _C.refresh_token,
    _C.key_id,
    _C.attempts,
)


class RevocationLease(NamedTuple):
    """Rows of this process, and whether more may be due."""

    rows: list[PendingRevocation]
    has_more: bool


class ExpiredRevocation(NamedTuple):
    """A row that was deleted without being delivered."""

    id: uuid.UUID
    provider: str
    attempts: int


def insert(
    connection: sa.Connection,
    row_id: uuid.UUID,
    provider: str,
    subject: str | None,
    tokens: SealedRevocation,
    *,
    seconds: float,
) -> None:
    """Store tokens that are given up in `seconds`."""
    connection.execute(
        upstream_revocations.insert().values(
            id=row_id,
            provider=provider,
            subject=subject,
            access_token=tokens.access,
            refresh_token=tokens.refresh,
            key_id=tokens.key_id,
            attempts=0,
            due_at=utc_now(),
            created_at=utc_now(),
            expires_at=utc_now(seconds),
        )
    )


def is_any_due(connection: sa.Connection, provider: str) -> bool:
    """Check whether a row is due; reads one entry of an index."""
    due = sa.select(sa.literal(1)).where(_C.provider == provider, _C.due_at <= utc_now()).limit(1)
    return connection.execute(due).scalar() is not None


def lease(connection: sa.Connection, provider: str, *, count: int, seconds: float) -> RevocationLease:
    """Lease up to `count` due rows of a provider, in a transaction."""
    due = (
        sa.select(_C.id)
        .where(_C.provider == provider, _C.due_at <= utc_now())
        .order_by(_C.due_at)
        .limit(count)
        .with_for_update(skip_locked=True)
    )
    for dialect in ("mysql", "mariadb"):
        # In the order of the index the query locks only the rows that it returns: see leases.lease_due.
        due = due.with_hint(
            upstream_revocations, "FORCE INDEX (ix_upstream_revocations_provider_due_at)", dialect
        )
    ids = list(connection.execute(due).scalars())
    if not ids:
        return RevocationLease([], has_more=False)
    leased = upstream_revocations.update().where(_C.id.in_(ids))
    connection.execute(leased.values(attempts=_C.attempts + 1, due_at=utc_now(seconds)))
    return RevocationLease(find_all(connection, ids), has_more=len(ids) == count)


def find_all(connection: sa.Connection, ids: Sequence[uuid.UUID]) -> list[PendingRevocation]:
    """Read rows, in no order."""
    return [PendingRevocation(*row) for row in connection.execute(sa.select(*COLUMNS).where(_C.id.in_(ids)))]


def finish(connection: sa.Connection, row: PendingRevocation) -> bool:
    """Delete a leased row; tell whether this lease still had it."""
    return connection.execute(upstream_revocations.delete().where(*_is_leased(row))).rowcount == 1


def reschedule(connection: sa.Connection, row: PendingRevocation, *, seconds: float) -> None:
    """Make a leased row due in `seconds`."""
    leased = upstream_revocations.update().where(*_is_leased(row))
    connection.execute(leased.values(due_at=utc_now(seconds)))


def delete_expired(connection: sa.Connection, *, count: int) -> list[ExpiredRevocation]:
    """Delete up to `count` rows that were not delivered in time. Locked rows are left out."""
    expired = sa.select(_C.id, _C.provider, _C.attempts).where(_C.expires_at <= utc_now()).limit(count)
    rows = [ExpiredRevocation(*row) for row in connection.execute(expired.with_for_update(skip_locked=True))]
    if rows:
        connection.execute(upstream_revocations.delete().where(_C.id.in_([row.id for row in rows])))
    return rows


def count_pending(connection: sa.Connection, provider: str) -> int:
    """Count the rows of a provider; reads a range of an index."""
    counted = sa.select(sa.func.count()).select_from(upstream_revocations).where(_C.provider == provider)
    return connection.execute(counted).scalar_one()


def _is_leased(row: PendingRevocation) -> tuple[sa.ColumnElement[bool], ...]:
    return _C.id == row.id, _C.attempts == row.attempts
