"""The queries after a refresh: its result is stored, or the grant is released, or ended.

Each statement names the lease, so a process that resumes too late (frozen, stalled) changes nothing. It names
the generation too, which each stored result raises.
"""

from enum import Enum, auto
from typing import Any, Final

import sqlalchemy as sa

from doorward_auth.upstream.grants.models import (
    REFRESHABLE,
    GrantState,
    GrantTimes,
    LeasedGrant,
    SealedTokens,
)
from doorward_auth.upstream.grants.repository import WIPED
from doorward_identity.accounts import Status
from doorward_identity.tables import sessions, upstream_grants, users
from doorward_identity.upstream_revocations import revoke_grants
from doorward_kit.column_types import utc_now

_C: Final = upstream_grants.c

_IS_REFRESHABLE: Final = _C.state.in_(REFRESHABLE)
_IS_WANTED: Final = sa.and_(
    sa.exists().where(users.c.id == _C.user_id, users.c.status == Status.ACTIVE.value),
    sa.or_(
        _C.session_id.is_(None),
        sa.exists().where(sessions.c.id == _C.session_id, sessions.c.ended_at.is_(None)),
    ),
)


def _new_value(column: sa.Column[Any]) -> sa.BindParameter[Any]:
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
        generation=_new_value(_C.generation),
        access_token=_new_value(_C.access_token),
        refresh_token=_new_value(_C.refresh_token),
        id_token=_new_value(_C.id_token),
        key_id=_new_value(_C.key_id),
        refresh_expires_at=_new_value(_C.refresh_expires_at),
        reauth_at=_new_value(_C.reauth_at),
        leased_until=None,
        sent_at=None,
    )
)
_STORE: Final = _STORED.values(
    scope=_new_value(_C.scope),
    access_expires_at=_new_value(_C.access_expires_at),
    due_at=_new_value(_C.due_at),
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
