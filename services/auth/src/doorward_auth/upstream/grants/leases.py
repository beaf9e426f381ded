"""The queries that lease grants to be refreshed: the one of a caller, or those that are due.

A lease is a `lease_id` in the row. The statements of `refresh_results` name it, so a process that resumes too
late (frozen, stalled) changes nothing.
"""

import uuid
from typing import Final, NamedTuple

import sqlalchemy as sa

from doorward_auth.upstream.grants.models import REFRESHABLE, GrantRow, GrantState, LeasedGrant
from doorward_auth.upstream.grants.repository import find_all
from doorward_auth.upstream.grants.schedule import RefreshPolicy, idle_until
from doorward_identity.tables import upstream_grants
from doorward_kit.column_types import utc_now

_C: Final = upstream_grants.c

_IS_FREE: Final = sa.or_(_C.leased_until.is_(None), _C.leased_until <= utc_now())
_LEASE: Final = upstream_grants.update().ordered_values(
    # `sent_at` is set if the last lease ended without a result. MariaDB assigns from left to right.
    (_C.state, sa.case((_C.sent_at.is_not(None), GrantState.UNCERTAIN.value), else_=_C.state)),
    (_C.sent_at, utc_now()),
    (_C.lease_id, sa.bindparam("new_lease_id", type_=_C.lease_id.type)),
    (_C.leased_until, utc_now(sa.bindparam("seconds", type_=sa.Float))),
    # A process that dies leaves the grant due when its lease ends.
    (_C.due_at, utc_now(sa.bindparam("seconds", type_=sa.Float))),
    (_C.attempts, _C.attempts + 1),
)
_LEASE_ONE: Final = _LEASE.where(
    _C.id == sa.bindparam("grant_id"),
    _C.generation == sa.bindparam("read_generation"),
    _C.state.in_(REFRESHABLE),
    _IS_FREE,
    sa.or_(_C.attempts == 0, _C.due_at.is_(None), _C.due_at <= utc_now()),
)
_LEASE_ALL: Final = _LEASE.where(_C.id.in_(sa.bindparam("grant_ids", expanding=True)))


class DueGrants(NamedTuple):
    """Grants that were leased, and whether more may be due."""

    leased: list[LeasedGrant]
    has_more: bool


def is_any_due(connection: sa.Connection, provider: str) -> bool:
    """Check whether a grant is due; reads one entry of an index."""
    due = sa.select(sa.literal(1)).where(_C.provider == provider, _C.due_at <= utc_now()).limit(1)
    return connection.execute(due).scalar() is not None


def lease_one(connection: sa.Connection, row: GrantRow, lease_id: uuid.UUID, seconds: float) -> bool:
    """Lease a grant as it was read, in one statement; return whether this process has it now.

    Not while another has it, and not within the pause after a failure.
    """
    values = {
        "grant_id": row.id,
        "read_generation": row.generation,
        "new_lease_id": lease_id,
        "seconds": seconds,
    }
    return connection.execute(_LEASE_ONE, values).rowcount == 1


def lease_due(
    connection: sa.Connection, provider: str, policy: RefreshPolicy, *, count: int, lease_id: uuid.UUID
) -> DueGrants:
    """Lease up to `count` due grants of a provider, in a transaction.

    Grants of idle sessions are not leased: they are due again when their session expires.
    """
    due = (
        sa.select(_C.id)
        .where(_C.provider == provider, _C.due_at <= utc_now(), _IS_FREE)
        .order_by(_C.due_at)
        .limit(count)
        .with_for_update(skip_locked=True)
    )
    for dialect in ("mysql", "mariadb"):
        # Read in order from the index, the query locks only the rows it returns. With a sort it would lock
        # every due row, and the next process would find none.
        due = due.with_hint(upstream_grants, "FORCE INDEX (ix_upstream_grants_provider_due_at)", dialect)
    ids = list(connection.execute(due).scalars())
    if not ids:
        return DueGrants([], has_more=False)
    rows = [row for row in find_all(connection, ids) if not _leave_alone(connection, row, policy)]
    if rows:
        values = {
            "grant_ids": [row.id for row in rows],
            "new_lease_id": lease_id,
            "seconds": policy.lease_seconds,
        }
        connection.execute(_LEASE_ALL, values)
    return DueGrants([LeasedGrant(row, lease_id) for row in rows], has_more=len(ids) == count)


def _leave_alone(connection: sa.Connection, row: GrantRow, policy: RefreshPolicy) -> bool:
    until = idle_until(row, policy) if row.is_wanted and not row.is_over else None
    if until is not None:
        connection.execute(upstream_grants.update().where(_C.id == row.id).values(due_at=until))
    return until is not None
