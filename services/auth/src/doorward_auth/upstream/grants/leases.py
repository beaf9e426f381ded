"""The queries of a refresh: the lease before the request, and what becomes of the grant after it.

A lease is a `lease_id` in the row. Every later statement names it, so a process that resumes too late
(frozen, stalled) changes nothing. It names the generation too, which each stored result raises.
"""

import uuid
from enum import Enum, auto
from typing import Any, Final, NamedTuple

import sqlalchemy as sa

from doorward_auth.upstream.grants.models import (
    REFRESHABLE,
    GrantRow,
    GrantState,
    GrantTimes,
    LeasedGrant,
    SealedTokens,
)
from doorward_auth.upstream.grants.repository import WIPED, find_all
from doorward_auth.upstream.grants.schedule import RefreshPolicy, idle_until
from doorward_identity.accounts import Status
from doorward_identity.tables import sessions, upstream_grants, users
from doorward_identity.upstream_revocations import revoke_grants
from doorward_kit.column_types import utc_now

_C: Final = upstream_grants.c

_IS_REFRESHABLE: Final = _C.state.in_(REFRESHABLE)
_IS_FREE: Final = sa.or_(_C.leased_until.is_(None), _C.leased_until <= utc_now())
_IS_WANTED: Final = sa.and_(
    sa.exists().where(users.c.id == _C.user_id, users.c.status == Status.ACTIVE.value),
    sa.or_(
        _C.session_id.is_(None),
        sa.exists().where(sessions.c.id == _C.session_id, sessions.c.ended_at.is_(None)),
    ),
)
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
    _IS_REFRESHABLE,
    _IS_FREE,
    sa.or_(_C.attempts == 0, _C.due_at.is_(None), _C.due_at <= utc_now()),
)
_LEASE_ALL: Final = _LEASE.where(_C.id.in_(sa.bindparam("grant_ids", expanding=True)))


def _new(column: sa.Column[Any]) -> sa.BindParameter[Any]:
    return sa.bindparam(f"new_{column.name}", type_=column.type)


# Built once, because building them takes more processor time than executing them.
_STORED: Final = (
    upstream_grants.update()
    .where(
        _C.id == sa.bindparam("grant_id"),
        _C.lease_id == sa.bindparam("held_lease_id", type_=_C.lease_id.type),
        _C.generation == sa.bindparam("read_generation"),
        _IS_REFRESHABLE,
        _IS_WANTED,
    )
    .values(
        # The upstream has replaced what was sent, so nothing is uncertain.
        state=GrantState.ACTIVE.value,
        generation=_new(_C.generation),
        access_token=_new(_C.access_token),
        refresh_token=_new(_C.refresh_token),
        id_token=_new(_C.id_token),
        key_id=_new(_C.key_id),
        refresh_expires_at=_new(_C.refresh_expires_at),
        reauth_at=_new(_C.reauth_at),
        leased_until=None,
        sent_at=None,
    )
)
_STORE: Final = _STORED.values(
    scope=_new(_C.scope),
    access_expires_at=_new(_C.access_expires_at),
    due_at=_new(_C.due_at),
    attempts=0,
    last_error=None,
    last_refreshed_at=utc_now(),
)


class StoreFailure(Enum):
    """Why nothing was stored."""

    STORED_BEFORE = auto()
    """The same result was, by a statement whose answer was lost."""
    LEASE_LOST = auto()
    """The lease had ended, and another process has the grant."""
    UNWANTED = auto()
    """The session or the user is gone, or the grant was ended."""


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


def store(
    connection: sa.Connection, leased: LeasedGrant, tokens: SealedTokens, times: GrantTimes, scope: str
) -> bool:
    """Store what a refresh brought, in one statement; return whether it was stored."""
    values = {
        "new_scope": scope,
        "new_access_expires_at": times.access_expires_at,
        "new_due_at": times.due_at,
    }
    return connection.execute(_STORE, values | _stored_values(leased, tokens, times)).rowcount == 1


def store_refresh_token(
    connection: sa.Connection,
    leased: LeasedGrant,
    tokens: SealedTokens,
    times: GrantTimes,
    *,
    seconds: float,
    error: str,
) -> bool:
    """Store a refresh token that came without an access token; return whether it was stored.

    The grant is due again in `seconds`.
    """
    stored = _STORED.values(due_at=utc_now(seconds), attempts=leased.attempts, last_error=error)
    return connection.execute(stored, _stored_values(leased, tokens, times)).rowcount == 1


def _stored_values(leased: LeasedGrant, tokens: SealedTokens, times: GrantTimes) -> dict[str, object]:
    return {
        "grant_id": leased.row.id,
        "held_lease_id": leased.lease_id,
        "read_generation": leased.row.generation,
        "new_generation": leased.row.generation + 1,
        "new_access_token": tokens.access,
        "new_refresh_token": tokens.refresh,
        "new_id_token": tokens.id,
        "new_key_id": tokens.key_id,
        "new_refresh_expires_at": times.refresh_expires_at,
        "new_reauth_at": times.reauth_at,
    }


def find_store_failure(connection: sa.Connection, leased: LeasedGrant) -> StoreFailure:
    """Read why `store` changed nothing."""
    found = sa.select(_C.lease_id, _C.generation).where(_C.id == leased.row.id)
    row = connection.execute(found).one_or_none()
    if row is not None and row.lease_id != leased.lease_id:
        return StoreFailure.LEASE_LOST
    if row is not None and row.generation != leased.row.generation:
        return StoreFailure.STORED_BEFORE
    return StoreFailure.UNWANTED


def reschedule(
    connection: sa.Connection,
    leased: LeasedGrant,
    *,
    seconds: float,
    error: str,
    is_uncertain: bool = False,
    counts_attempt: bool = True,
) -> bool:
    """Release a grant, due in `seconds`. Without `counts_attempt` a caller may try again before that."""
    uncertain = is_uncertain or leased.row.is_uncertain
    released = upstream_grants.update().where(_is_leased(leased), _IS_REFRESHABLE)
    return _changes(
        connection,
        released,
        state=(GrantState.UNCERTAIN if uncertain else GrantState.ACTIVE).value,
        due_at=utc_now(seconds),
        leased_until=None,
        sent_at=None,
        attempts=leased.attempts if counts_attempt else leased.row.attempts,
        last_error=error,
    )


def revoke(connection: sa.Connection, leased: LeasedGrant) -> None:
    """Store the tokens of a locked grant to be revoked, if this lease still has it. `end` follows."""
    revoke_grants(connection, _is_leased(leased), _IS_REFRESHABLE)


def end(connection: sa.Connection, leased: LeasedGrant, state: GrantState, error: str | None) -> bool:
    """Wipe the tokens of a grant that is over; return whether this lease did."""
    ended = upstream_grants.update().where(_is_leased(leased), _IS_REFRESHABLE)
    return _changes(connection, ended, **WIPED, state=state.value, last_error=error)


def _is_leased(leased: LeasedGrant) -> sa.ColumnElement[bool]:
    return sa.and_(
        _C.id == leased.row.id,
        _C.lease_id == leased.lease_id,
        _C.generation == leased.row.generation,
    )


def _changes(connection: sa.Connection, statement: sa.Update, **values: Any) -> bool:
    return connection.execute(statement.values(**values)).rowcount == 1
