"""Queries on one-time codes of accounts."""

import uuid
from dataclasses import dataclass

import sqlalchemy as sa

from doorward_auth.one_time_codes.codes import MAX_GUESSES, Purpose
from doorward_identity.tables import one_time_codes
from doorward_kit.column_types import utc_now
from doorward_kit.upsert import upsert


@dataclass(frozen=True, slots=True)
class StoredCode:
    """A code's hash, and the address that the code was mailed to."""

    code_hash: bytes
    sent_to: str | None


def store(
    connection: sa.Connection,
    user_id: uuid.UUID,
    purpose: Purpose,
    code_hash: bytes,
    *,
    seconds: int,
    sent_to: str | None = None,
) -> None:
    """Store a code; it replaces the one before."""
    fresh = {"code_hash": code_hash, "attempts": 0, "expires_at": utc_now(seconds), "sent_to": sent_to}
    key = {"user_id": user_id, "purpose": purpose.value}
    upsert(connection, one_time_codes, {**key, **fresh}, changed=tuple(fresh))


def take_guess(connection: sa.Connection, user_id: uuid.UUID, purpose: Purpose) -> StoredCode | None:
    """Use up one guess and return the code to compare with; None if no guess is left.

    One statement raises and checks the count, so concurrent guesses are no more than those in a row. The
    caller commits it, whether or not the guess is right.
    """
    mine = (one_time_codes.c.user_id == user_id, one_time_codes.c.purpose == purpose.value)
    used = (
        one_time_codes.update()
        .where(*mine, one_time_codes.c.attempts < MAX_GUESSES, one_time_codes.c.expires_at > utc_now())
        .values(attempts=one_time_codes.c.attempts + 1)
    )
    if connection.execute(used).rowcount != 1:
        return None
    found = sa.select(one_time_codes.c.code_hash, one_time_codes.c.sent_to).where(*mine)
    return StoredCode(*connection.execute(found).one())


def find(connection: sa.Connection, user_id: uuid.UUID, purpose: Purpose) -> StoredCode | None:
    """Read a code that is too long to be guessed."""
    found = sa.select(one_time_codes.c.code_hash, one_time_codes.c.sent_to).where(
        one_time_codes.c.user_id == user_id,
        one_time_codes.c.purpose == purpose.value,
        one_time_codes.c.expires_at > utc_now(),
    )
    row = connection.execute(found).one_or_none()
    return None if row is None else StoredCode(*row)


def delete(connection: sa.Connection, user_id: uuid.UUID, purpose: Purpose | None = None) -> None:
    """Delete a user's code for one purpose, or all of them."""
    deleted = one_time_codes.delete().where(one_time_codes.c.user_id == user_id)
    if purpose is not None:
        deleted = deleted.where(one_time_codes.c.purpose == purpose.value)
    connection.execute(deleted)


def delete_expired(connection: sa.Connection, count: int) -> int:
    """Delete up to `count` expired codes; return how many."""
    expired = (
        sa.select(one_time_codes.c.user_id, one_time_codes.c.purpose)
        .where(one_time_codes.c.expires_at <= utc_now())
        .limit(count)
    )
    keys = [(user_id, purpose) for user_id, purpose in connection.execute(expired)]
    if keys:
        both = sa.tuple_(one_time_codes.c.user_id, one_time_codes.c.purpose)
        connection.execute(
            one_time_codes.delete().where(both.in_(keys), one_time_codes.c.expires_at <= utc_now())
        )
    return len(keys)
