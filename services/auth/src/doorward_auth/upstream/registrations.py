"""Queries on upstream_registrations: a registration at an upstream is sent once, whatever its client repeats.

The request cannot be undone or repeated. So a key is claimed before it is sent, and the result is stored
after it. A repeated request learns from the row whether it may send.
"""

import hashlib
import uuid
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

import sqlalchemy as sa
from sqlalchemy import exc

from doorward_identity.tables import upstream_registrations
from doorward_kit.column_types import utc_now

LIFETIME_SECONDS: Final = 86_400

_C: Final = upstream_registrations.c


class RegistrationState(StrEnum):
    """How far a registration has come."""

    SENDING = "sending"
    UNKNOWN = "unknown"
    """It was sent, and its result is lost."""
    DONE = "done"


class IdempotencyDecision(StrEnum):
    """The actions that a request may take."""

    SEND = "send"
    """It is the first."""
    LOG_IN_FIRST = "log_in_first"
    """The upstream may have the account: log in there, and register only if it does not know the user."""
    WAIT = "wait"
    """Another request with the key is being sent."""
    REPEAT = "repeat"
    """The user exists: log in."""
    REJECT = "reject"
    """The key belongs to a different registration."""


@dataclass(frozen=True, slots=True)
class RegistrationKey:
    """A key of a client, and the hash of what it registers."""

    provider: str
    key_hash: bytes
    fingerprint: bytes

    @classmethod
    def of(cls, provider: str, key: str, email_key: str, *parts: bytes) -> Self:
        """Hash an Idempotency-Key and the registration's `parts`, of which none may be the password.

        A hash of a password could be guessed. The address makes keys of different clients different.
        """
        owner = f"{provider}\0{email_key}\0{key}".encode()
        content = hashlib.sha256()
        for part in (owner, *parts):
            content.update(len(part).to_bytes(8, "big") + part)
        return cls(provider, hashlib.sha256(owner).digest(), content.digest())


def claim(connection: sa.Connection, key: RegistrationKey, *, seconds: float) -> IdempotencyDecision:
    """Claim a key for a request that takes up to `seconds`; return what the request may do.

    Commit before the request is sent.
    """
    row = {"key_hash": key.key_hash, "fingerprint": key.fingerprint, "provider": key.provider}
    fresh = {
        "state": RegistrationState.SENDING.value,
        "leased_until": utc_now(seconds),
        "expires_at": utc_now(LIFETIME_SECONDS),
    }
    try:
        connection.execute(upstream_registrations.insert().values(**row, **fresh))
    except exc.IntegrityError:
        return _claim_again(connection, key, seconds=seconds)
    return IdempotencyDecision.SEND


def _claim_again(connection: sa.Connection, key: RegistrationKey, *, seconds: float) -> IdempotencyDecision:
    is_leased = sa.func.coalesce(_C.leased_until > utc_now(), sa.false()).label("is_leased")
    known = sa.select(_C.fingerprint, _C.state, is_leased).where(_C.key_hash == key.key_hash)
    found = connection.execute(known.with_for_update()).one_or_none()
    if found is None:
        return IdempotencyDecision.WAIT  # it was withdrawn at this moment
    if found.fingerprint != key.fingerprint:
        return IdempotencyDecision.REJECT
    if found.state == RegistrationState.DONE:
        return IdempotencyDecision.REPEAT
    if found.is_leased:
        return IdempotencyDecision.WAIT
    _update(connection, key, state=RegistrationState.SENDING.value, leased_until=utc_now(seconds))
    return IdempotencyDecision.LOG_IN_FIRST


def mark_unknown(connection: sa.Connection, key: RegistrationKey) -> None:
    """Note that a request has ended without a result, so that a repeated one logs in first.

    A registration that was finished or withdrawn stays so.
    """
    sending = upstream_registrations.update().where(
        _C.key_hash == key.key_hash, _C.state == RegistrationState.SENDING.value
    )
    connection.execute(sending.values(state=RegistrationState.UNKNOWN.value, leased_until=None))


def finish(connection: sa.Connection, key: RegistrationKey, user_id: uuid.UUID) -> None:
    """Note the user of a registration, in the transaction that creates the user."""
    _update(connection, key, state=RegistrationState.DONE.value, user_id=user_id, leased_until=None)


def withdraw(connection: sa.Connection, key: RegistrationKey) -> None:
    """Delete a registration that the upstream rejected: its client corrects it, and sends it again."""
    connection.execute(upstream_registrations.delete().where(_C.key_hash == key.key_hash))


def delete_expired(connection: sa.Connection, /, *, count: int) -> int:
    """Delete up to `count` expired registrations, except locked ones; return how many."""
    expired = sa.select(_C.key_hash).where(_C.expires_at <= utc_now()).limit(count)
    keys = list(connection.execute(expired.with_for_update(skip_locked=True)).scalars())
    if keys:
        connection.execute(upstream_registrations.delete().where(_C.key_hash.in_(keys)))
    return len(keys)


def _update(connection: sa.Connection, key: RegistrationKey, **values: object) -> None:
    connection.execute(upstream_registrations.update().where(_C.key_hash == key.key_hash).values(**values))
