"""Queries of changing passwords."""

import uuid
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from doorward_identity.tables import credentials, users
from doorward_kit.column_types import utc_now


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose password it is."""

    id: uuid.UUID
    email: str
    name: str
    status: str


_OWNER: Final = sa.select(users.c.id, users.c.email, users.c.name, users.c.status)


def lock_owner(connection: sa.Connection, user_id: uuid.UUID) -> Owner | None:
    """Read a user and keep others from changing it, and sessions from opening, until the commit."""
    found = _OWNER.where(users.c.id == user_id).with_for_update()
    row = connection.execute(found).one_or_none()
    return None if row is None else Owner(*row)


def lock_owner_by_email(connection: sa.Connection, email_key: str) -> Owner | None:
    """Do as lock_owner does, by the canonical address."""
    found = _OWNER.where(users.c.email_key == email_key).with_for_update()
    row = connection.execute(found).one_or_none()
    return None if row is None else Owner(*row)


def find_owner_by_email(connection: sa.Connection, email_key: str) -> Owner | None:
    """Read a user by the canonical address."""
    row = connection.execute(_OWNER.where(users.c.email_key == email_key)).one_or_none()
    return None if row is None else Owner(*row)


def replace_hash(connection: sa.Connection, user_id: uuid.UUID, *, old: str, new: str) -> bool:
    """Store a password's new hash unless it was changed in between; tell whether it was stored."""
    mine = (credentials.c.user_id == user_id, credentials.c.password_hash == old)
    fresh = {"password_hash": new, "must_change": False, "updated_at": utc_now()}
    return connection.execute(credentials.update().where(*mine).values(fresh)).rowcount == 1


def set_hash(connection: sa.Connection, user_id: uuid.UUID, new: str) -> None:
    """Store a password's hash, whatever there was before. The caller holds the lock of the user's row."""
    fresh = {"password_hash": new, "must_change": False, "updated_at": utc_now()}
    mine = credentials.update().where(credentials.c.user_id == user_id)
    if has_password(connection, user_id):
        connection.execute(mine.values(fresh))
    else:
        connection.execute(credentials.insert().values(user_id=user_id, **fresh))


def has_password(connection: sa.Connection, user_id: uuid.UUID) -> bool:
    """Tell whether an account has a password: somebody who was invited has none at first."""
    found = sa.select(credentials.c.user_id).where(credentials.c.user_id == user_id)
    return connection.execute(found).scalar_one_or_none() is not None


def mark_verified(connection: sa.Connection, user_id: uuid.UUID) -> None:
    """Note that a user reads the mail of the account's address, unless that was known."""
    unverified = users.update().where(users.c.id == user_id, users.c.email_verified_at.is_(None))
    connection.execute(unverified.values(email_verified_at=utc_now(), version=users.c.version + 1))
