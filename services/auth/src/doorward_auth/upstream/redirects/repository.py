"""Queries on logins at upstreams' own pages."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass

import sqlalchemy as sa
import structlog

from doorward_identity.tables import upstream_authorizations
from doorward_kit.column_types import utc_now
from doorward_kit.sealed import Sealed, key_id_of

log = structlog.get_logger(__name__)

_C = upstream_authorizations.c

_ABANDONED_SECONDS = 86_400

_REDEEMED_SECONDS = 300
"""Longer than a login takes: up to three attempts of a minute each."""


@dataclass(frozen=True, slots=True, repr=False)
class NewAuthorization:
    """A login that begins."""

    id: uuid.UUID
    provider: str
    state_hash: bytes
    secrets: Sealed
    redirect_uri: str
    client_state: str | None
    code_challenge: str


@dataclass(frozen=True, slots=True, repr=False)
class ReturnedLogin:
    """A login whose browser has returned: what the exchange needs, and where the browser goes."""

    id: uuid.UUID
    secrets: Sealed | None
    redirect_uri: str
    client_state: str | None


@dataclass(frozen=True, slots=True, repr=False)
class AbandonedLogin:
    """A login that its client has not finished in time."""

    id: uuid.UUID
    provider: str
    login: Sealed | None


@dataclass(frozen=True, slots=True, repr=False)
class RedeemableLogin:
    """A login that its client may finish."""

    id: uuid.UUID
    provider: str
    code_challenge: str
    code_hash: bytes
    login: Sealed | None


def insert(connection: sa.Connection, begun: NewAuthorization, *, seconds: int) -> None:
    """Store a login that must return within `seconds`."""
    connection.execute(
        upstream_authorizations.insert().values(
            id=begun.id,
            provider=begun.provider,
            state_hash=begun.state_hash,
            secrets=begun.secrets,
            redirect_uri=begun.redirect_uri,
            client_state=begun.client_state,
            code_challenge=begun.code_challenge,
            expires_at=utc_now(seconds),
        )
    )


def take_returned(connection: sa.Connection, provider: str, state_hash: bytes) -> ReturnedLogin | None:
    """Read the login of a state, and void the state: of several returns one gets it."""
    live = _C.state_hash == state_hash, _C.provider == provider, _C.expires_at > utc_now()
    columns = _C.id, _C.secrets, _C.redirect_uri, _C.client_state
    row = connection.execute(sa.select(*columns).where(*live).with_for_update()).one_or_none()
    if row is None:
        return None
    connection.execute(upstream_authorizations.update().where(_C.id == row.id).values(state_hash=None))
    return ReturnedLogin(*row)


def store_login(
    connection: sa.Connection, row_id: uuid.UUID, login: Sealed, code_hash: bytes, *, seconds: int
) -> bool:
    """Store what the upstream said, for the client to redeem within `seconds`; False if it is too late."""
    mine = upstream_authorizations.update().where(_C.id == row_id)
    stored = mine.values(login=login, code_hash=code_hash, expires_at=utc_now(seconds))
    return connection.execute(stored).rowcount == 1


def take_redeemable(connection: sa.Connection, row_id: uuid.UUID) -> RedeemableLogin | None:
    """Read a login with a code, and void the code: it is for one attempt.

    The transaction that stores or revokes its tokens deletes the login. If the process crashes before that,
    `take_abandoned` finds it.
    """
    live = _C.id == row_id, _C.code_hash.is_not(None), _C.expires_at > utc_now()
    columns = _C.id, _C.provider, _C.code_challenge, _C.code_hash, _C.login
    row = connection.execute(sa.select(*columns).where(*live).with_for_update()).one_or_none()
    if row is None:
        return None
    taken = upstream_authorizations.update().where(_C.id == row_id)
    connection.execute(taken.values(code_hash=None, expires_at=utc_now(_REDEEMED_SECONDS)))
    return RedeemableLogin(*row)


def delete(connection: sa.Connection, row_id: uuid.UUID) -> None:
    """Forget a login."""
    connection.execute(upstream_authorizations.delete().where(_C.id == row_id))


def delete_expired(connection: sa.Connection, /, *, count: int) -> int:
    """Delete up to `count` expired logins, except locked ones; return how many.

    Those with tokens of the upstream are for `take_abandoned`. Where no process calls that, or has their key,
    they are given up after a day.
    """
    has_expired = sa.or_(
        sa.and_(_C.login.is_(None), _C.expires_at <= utc_now()),
        _C.expires_at <= utc_now(-_ABANDONED_SECONDS),
    )
    expired = sa.select(_C.id, _C.provider, _C.login.is_not(None).label("has_tokens")).where(has_expired)
    found = connection.execute(expired.limit(count).with_for_update(skip_locked=True)).all()
    if found:
        connection.execute(upstream_authorizations.delete().where(_C.id.in_([row.id for row in found])))
    for row in found:
        if row.has_tokens:
            log.error("upstream.revocation_given_up", provider=row.provider, reason="abandoned_login")
    return len(found)


def take_abandoned(
    connection: sa.Connection, /, *, key_ids: Collection[bytes], count: int
) -> list[AbandonedLogin]:
    """Read up to `count` expired logins with tokens of the upstream, except locked ones, and delete them.

    Only those that one of these keys opens: another process may have the keys of the others.
    """
    expired = _C.expires_at <= utc_now(), key_id_of(_C.login).in_(key_ids)
    statement = sa.select(_C.id, _C.provider, _C.login).where(*expired).limit(count)
    found = [AbandonedLogin(*row) for row in connection.execute(statement.with_for_update(skip_locked=True))]
    if found:
        connection.execute(upstream_authorizations.delete().where(_C.id.in_([one.id for one in found])))
    return found


def keys_in_use(connection: sa.Connection) -> set[bytes]:
    """Return the ids of keys that a login under way needs."""
    used = (sa.select(key_id_of(column)).where(column.is_not(None)) for column in (_C.secrets, _C.login))
    return set(connection.execute(sa.union(*used)).scalars())
