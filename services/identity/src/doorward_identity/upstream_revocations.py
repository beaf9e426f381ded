"""Tokens to revoke at upstreams: rows that outlive their grants, sessions and users. Auth delivers them.

A row is written in the transaction that wipes or deletes the tokens. So a process that crashes afterwards, or
an upstream that is unavailable, leaves no valid tokens behind.
"""

import uuid
from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa
import uuid_utils.compat as uuid7s

from doorward_identity.tables import upstream_grants, upstream_identities, upstream_revocations
from doorward_kit.column_types import utc_now

UNKNOWN_SECONDS: Final = 86_400
"""How long a token is tried whose expiry is not known."""

LONGEST_SECONDS: Final = 7 * 86_400
"""How long any token is tried: an upstream's lifetimes may be years."""

_C: Final = upstream_grants.c


def seconds_to_try(lifetime: float | None) -> float:
    """Return how long to try to revoke a token; 0 for one that has expired."""
    return UNKNOWN_SECONDS if lifetime is None else min(max(0.0, lifetime), LONGEST_SECONDS)


def revoke_grants(connection: sa.Connection, *are_chosen: sa.ColumnElement[bool]) -> None:
    """Store the tokens of chosen grants, in the transaction that wipes or deletes them, and before that.

    The caller has locked the grants. The values stay sealed for their grants, so this needs no key of the
    vault. Expired tokens are not stored.
    """
    statement = (
        sa.select(
            _C.id,
            _C.provider,
            _C.access_token,
            _C.refresh_token,
            _C.key_id,
            _C.access_expires_at,
            _C.refresh_expires_at,
            upstream_identities.c.subject,
            utc_now().label("now"),
        )
        .outerjoin(
            upstream_identities,
            sa.and_(
                upstream_identities.c.user_id == _C.user_id, upstream_identities.c.provider == _C.provider
            ),
        )
        .where(_C.key_id.is_not(None), *are_chosen)
    )
    rows = []
    for grant in connection.execute(statement):
        if grant.access_token is None and grant.refresh_token is None:
            continue
        is_refreshable = grant.refresh_token is not None
        expires_at = grant.refresh_expires_at if is_refreshable else grant.access_expires_at
        seconds = seconds_to_try(None if expires_at is None else (expires_at - grant.now).total_seconds())
        if not seconds:
            continue
        rows.append(
            {
                "id": uuid7s.uuid7(),
                "provider": grant.provider,
                "subject": grant.subject,
                "grant_id": grant.id,
                "access_token": grant.access_token,
                "refresh_token": grant.refresh_token,
                "key_id": grant.key_id,
                "attempts": 0,
                "due_at": utc_now(),
                "created_at": utc_now(),
                "expires_at": utc_now(seconds),
            }
        )
    if rows:
        connection.execute(upstream_revocations.insert().values(rows))


def revoke_grants_of_user(connection: sa.Connection, user_id: uuid.UUID) -> None:
    """Store a user's upstream tokens, in the transaction that deletes the user, before the deletion."""
    _lock_and_revoke(connection, _C.user_id == user_id)


def revoke_grants_of_sessions(connection: sa.Connection, session_ids: Sequence[uuid.UUID]) -> None:
    """Store the upstream tokens of sessions, in the transaction that deletes them, before the deletion."""
    _lock_and_revoke(connection, _C.session_id.in_(session_ids))


def _lock_and_revoke(connection: sa.Connection, is_chosen: sa.ColumnElement[bool]) -> None:
    # Locks the grants: a refresh that stores its result meanwhile waits, and then finds no grant. Its process
    # has that result revoked. An update needs privileges on fewer columns than SELECT ... FOR UPDATE.
    connection.execute(upstream_grants.update().where(is_chosen).values(due_at=None))
    revoke_grants(connection, is_chosen)
