"""Queries on grants and on the accounts that they belong to.

Those before a refresh are in `leases`, those after it in `refresh_results`.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from doorward_auth.upstream.grants.models import REFRESHABLE, GrantRow, GrantState, NewGrant
from doorward_identity.tables import revocations, sessions, upstream_grants, users
from doorward_identity.token_revocation import RevocationKind
from doorward_identity.upstream_revocations import revoke_grants
from doorward_kit.column_types import utc_now

_C: Final = upstream_grants.c
_COLUMNS: Final[tuple[sa.ColumnElement[Any], ...]] = (
    _C.id,
    _C.user_id,
    _C.provider,
    _C.session_id,
    _C.state,
    _C.generation,
    _C.access_token,
    _C.refresh_token,
    _C.id_token,
    _C.key_id,
    _C.scope,
    _C.access_expires_at,
    _C.refresh_expires_at,
    _C.reauth_at,
    _C.due_at,
    _C.lease_id,
    _C.leased_until,
    _C.sent_at,
    _C.attempts,
    _C.last_error,
    _C.last_refreshed_at,
    _C.created_at,
    utc_now().label("now"),
    users.c.status,
    sessions.c.ended_at,
    sessions.c.last_used_at,
    sessions.c.idle_expires_at,
    sessions.c.absolute_expires_at,
)
_ROW: Final = (
    sa.select(*_COLUMNS)
    .join_from(upstream_grants, users, users.c.id == _C.user_id)
    .outerjoin(sessions, sessions.c.id == _C.session_id)
)
_BY_ID: Final = _ROW.where(_C.id == sa.bindparam("grant_id"))
_OF_SESSION: Final = _ROW.where(
    _C.session_id == sa.bindparam("session_id"), _C.state != GrantState.ENDED.value
).order_by(_C.id)
_WITH_EVENTS_TO: Final = _ROW.where(
    _C.user_id == sa.bindparam("user_id"),
    sa.or_(_C.session_id == sa.bindparam("session_id"), _C.session_id.is_(None)),
    _C.state != GrantState.ENDED.value,
).order_by(_C.session_id.is_not(None), _C.id)
_OF_USER: Final = _ROW.where(
    _C.user_id == sa.bindparam("user_id"), _C.state != GrantState.ENDED.value
).order_by(_C.last_refreshed_at.desc(), _C.id)
_OF_USER_AT: Final = _OF_USER.where(_C.provider == sa.bindparam("provider"))

NO_TOKENS: Final = {"access_token": None, "refresh_token": None, "id_token": None, "key_id": None}
WIPED: Final = NO_TOKENS | {"due_at": None, "leased_until": None, "sent_at": None}
"""The values of the token columns after the end of a grant."""

_REVOCATION_SECONDS: Final = 60
"""How far back ended sessions are looked for: several times the interval of `make_ended_due`."""


def insert(connection: sa.Connection, grant: NewGrant) -> None:
    """Store what a login brought; it replaces that of an earlier login in the same session, or in none."""
    earlier = upstream_grants.update().where(
        _C.user_id == grant.user_id,
        _C.provider == grant.provider,
        _C.session_id.is_(None) if grant.session_id is None else _C.session_id == grant.session_id,
        _C.state != GrantState.ENDED.value,
    )
    connection.execute(earlier.values(WIPED | {"state": GrantState.ENDED.value}))
    connection.execute(
        upstream_grants.insert().values(
            id=grant.id,
            user_id=grant.user_id,
            provider=grant.provider,
            session_id=grant.session_id,
            state=GrantState.ACTIVE.value,
            generation=1,
            access_token=grant.tokens.access,
            refresh_token=grant.tokens.refresh,
            id_token=grant.tokens.id,
            key_id=grant.tokens.key_id,
            scope=grant.scope,
            access_expires_at=grant.times.access_expires_at,
            refresh_expires_at=grant.times.refresh_expires_at,
            reauth_at=grant.times.reauth_at,
            due_at=grant.times.due_at,
            attempts=0,
            last_refreshed_at=utc_now(),
            created_at=utc_now(),
        )
    )


def find(connection: sa.Connection, grant_id: uuid.UUID) -> GrantRow | None:
    """Read a grant."""
    row = connection.execute(_BY_ID, {"grant_id": grant_id}).one_or_none()
    return None if row is None else GrantRow(*row)


def find_all(connection: sa.Connection, grant_ids: Sequence[uuid.UUID]) -> list[GrantRow]:
    """Read grants, in no order."""
    return [GrantRow(*row) for row in connection.execute(_ROW.where(_C.id.in_(grant_ids)))]


def list_of_session(connection: sa.Connection, session_id: uuid.UUID) -> list[GrantRow]:
    """Read the grants of a session, but ended ones."""
    return [GrantRow(*row) for row in connection.execute(_OF_SESSION, {"session_id": session_id})]


def list_with_events_to(
    connection: sa.Connection, user_id: uuid.UUID, session_id: uuid.UUID
) -> list[GrantRow]:
    """Read the grants whose events a session gets, but ended ones: its user's, and last its own."""
    given = {"user_id": user_id, "session_id": session_id}
    return [GrantRow(*row) for row in connection.execute(_WITH_EVENTS_TO, given)]


def list_of_user(
    connection: sa.Connection, user_id: uuid.UUID, provider: str | None = None
) -> list[GrantRow]:
    """Read the grants of a user, but ended ones, the most recently refreshed first."""
    if provider is None:
        rows = connection.execute(_OF_USER, {"user_id": user_id})
    else:
        rows = connection.execute(_OF_USER_AT, {"user_id": user_id, "provider": provider})
    return [GrantRow(*row) for row in rows]


def lock_all(connection: sa.Connection, user_id: uuid.UUID, provider: str) -> None:
    """Lock the grants of a user at a provider: of several that end at the same time, one is the last."""
    mine = sa.select(_C.id).where(_C.user_id == user_id, _C.provider == provider)
    connection.execute(mine.order_by(_C.id).with_for_update()).all()


def has_another(connection: sa.Connection, row: GrantRow) -> bool:
    """Whether the user has another grant of the same provider that can be refreshed.

    The caller has locked them all.
    """
    others = sa.select(sa.literal(1)).where(
        _C.user_id == row.user_id,
        _C.provider == row.provider,
        _C.id != row.id,
        _C.state.in_(REFRESHABLE),
    )
    return connection.execute(others.limit(1)).scalar() is not None


def end_all(connection: sa.Connection, user_id: uuid.UUID, provider: str) -> None:
    """Wipe every grant of a user at a provider, and store their tokens to be revoked.

    A refresh under way stores nothing any more.
    """
    mine = _C.user_id == user_id, _C.provider == provider
    lock_all(connection, user_id, provider)
    revoke_grants(connection, *mine)
    ended = upstream_grants.update().where(*mine)
    connection.execute(ended.values(WIPED | {"state": GrantState.ENDED.value}))


def email_of(connection: sa.Connection, user_id: uuid.UUID) -> str | None:
    """Read the address of a user."""
    return connection.execute(sa.select(users.c.email).where(users.c.id == user_id)).scalar_one_or_none()


def make_ended_due(connection: sa.Connection, *, count: int) -> int:
    """Make up to `count` grants due whose session ended a moment ago, so that the background ends them.

    The list of revocations names these sessions and users. So ending a session writes nothing here, and costs
    the same with grants and without. Returns how many.
    """
    recent = revocations.c.revoked_at > utc_now(-_REVOCATION_SECONDS)
    # A token that does not expire is never due.
    later = sa.or_(_C.due_at > utc_now(), sa.and_(_C.due_at.is_(None), _C.state.in_(REFRESHABLE)))
    by_session = (
        sa.select(_C.id)
        .join(revocations, revocations.c.subject_id == _C.session_id)
        .where(recent, revocations.c.kind == RevocationKind.SESSION.value, later)
        .limit(count)
    )
    by_user = (
        sa.select(_C.id)
        .join(revocations, revocations.c.subject_id == _C.user_id)
        .join(sessions, sessions.c.id == _C.session_id)
        .where(
            recent, revocations.c.kind == RevocationKind.USER.value, later, sessions.c.ended_at.is_not(None)
        )
        .limit(count)
    )
    found = {grant_id for query in (by_session, by_user) for grant_id in connection.execute(query).scalars()}
    if found:
        connection.execute(
            upstream_grants.update().where(_C.id.in_(sorted(found)), later).values(due_at=utc_now())
        )
    return len(found)


@dataclass(frozen=True, slots=True)
class Backlog:
    """The grants of a provider by state, and the age in seconds of the one that is due for longest."""

    counts: dict[str, int]
    oldest_due: float


def measure(connection: sa.Connection, provider: str) -> Backlog:
    """Count the grants of a provider; reads two ranges of indexes."""
    mine = _C.provider == provider
    counted = sa.select(_C.state, sa.func.count().label("grants")).where(mine).group_by(_C.state)
    counts = {row.state: row.grants for row in connection.execute(counted)}
    first = sa.select(_C.due_at, utc_now().label("now")).where(mine, _C.due_at <= utc_now())
    row = connection.execute(first.order_by(_C.due_at).limit(1)).one_or_none()
    return Backlog(counts, 0.0 if row is None else max(0.0, (row.now - row.due_at).total_seconds()))
