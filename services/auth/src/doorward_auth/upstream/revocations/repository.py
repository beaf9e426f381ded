"""Queries on the tokens to revoke.

A lease counts an attempt and makes the row due again at the lease's end. So the rows of a process that
crashed are delivered by another. Processes skip each other's rows, and change only what they have leased.
"""

import uuid
from collections.abc import Collection, Sequence
from typing import Any, Final, NamedTuple

import sqlalchemy as sa

from doorward_auth.upstream.revocations.models import PendingRevocation, SealedRevocation
from doorward_identity.tables import upstream_revocations
from doorward_kit.column_types import utc_now

UNCONFIGURED_SECONDS: Final = 3_600
"""How long tokens of an upstream wait that this process does not know: it may be older than the settings."""

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


class GivenUp(NamedTuple):
    """A row that was deleted without being delivered."""

    id: uuid.UUID
    provider: str
    attempts: int
    is_expired: bool


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


def finish(connection: sa.Connection, row: PendingRevocation) -> None:
    """Delete a leased row."""
    connection.execute(upstream_revocations.delete().where(*_is_leased(row)))


def reschedule(connection: sa.Connection, row: PendingRevocation, *, seconds: float) -> None:
    """Make a leased row due in `seconds`."""
    leased = upstream_revocations.update().where(*_is_leased(row))
    connection.execute(leased.values(due_at=utc_now(seconds)))


def give_up(connection: sa.Connection, configured: Collection[str], *, count: int) -> list[GivenUp]:
    """Delete up to `count` rows that are over, or whose upstream is not configured any more.

    Locked rows are left out.
    """
    is_expired = _C.expires_at <= utc_now()
    is_unconfigured = sa.and_(
        _C.provider.not_in(sorted(configured)), _C.created_at <= utc_now(-UNCONFIGURED_SECONDS)
    )
    found: list[GivenUp] = []
    # Two queries, so that the first reads an index.
    for condition in (is_expired, is_unconfigured):
        over = sa.select(_C.id, _C.provider, _C.attempts, is_expired).where(condition).limit(count)
        rows = connection.execute(over.with_for_update(skip_locked=True)).all()
        if rows:
            found += [GivenUp(row[0], row[1], row[2], bool(row[3])) for row in rows]
            connection.execute(upstream_revocations.delete().where(_C.id.in_([row[0] for row in rows])))
    return found


def count_pending(connection: sa.Connection, provider: str) -> int:
    """Count the rows of a provider; reads a range of an index."""
    counted = sa.select(sa.func.count()).select_from(upstream_revocations).where(_C.provider == provider)
    return connection.execute(counted).scalar_one()


def _is_leased(row: PendingRevocation) -> tuple[sa.ColumnElement[bool], ...]:
    return _C.id == row.id, _C.attempts == row.attempts
