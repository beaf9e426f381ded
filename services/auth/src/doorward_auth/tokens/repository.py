"""Queries of logging in."""

import uuid
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from doorward_identity.tables import credentials, pending_registrations, users
from doorward_kit.column_types import utc_now


@dataclass(frozen=True, slots=True)
class AccountRow:
    """What a login needs to know of an account."""

    id: uuid.UUID
    email: str
    name: str
    role: str
    status: str
    token_version: int
    is_verified: bool
    password_hash: str
    must_change: bool


_ACCOUNT = sa.select(
    users.c.id,
    users.c.email,
    users.c.name,
    users.c.role,
    users.c.status,
    users.c.token_version,
    users.c.email_verified_at.is_not(None).label("is_verified"),
    credentials.c.password_hash,
    credentials.c.must_change,
).join(credentials, credentials.c.user_id == users.c.id)
_BY_EMAIL: Final = _ACCOUNT.where(users.c.email_key == sa.bindparam("email_key"))
_BY_ID: Final = _ACCOUNT.where(users.c.id == sa.bindparam("user_id"))


def find_account(connection: sa.Connection, email_key: str) -> AccountRow | None:
    """Find an account that has a password by its canonical address."""
    row = connection.execute(_BY_EMAIL, {"email_key": email_key}).one_or_none()
    return None if row is None else AccountRow(*row)


def find_account_by_id(connection: sa.Connection, user_id: uuid.UUID) -> AccountRow | None:
    """Find an account that has a password."""
    row = connection.execute(_BY_ID, {"user_id": user_id}).one_or_none()
    return None if row is None else AccountRow(*row)


_REGISTERED: Final = (
    sa.select(pending_registrations.c.password_hash)
    .where(
        pending_registrations.c.email_key == sa.bindparam("email_key"),
        pending_registrations.c.expires_at > utc_now(),
    )
    .order_by(pending_registrations.c.created_at.desc())
    .limit(1)
)


def find_registration(connection: sa.Connection, email_key: str) -> str | None:
    """Read the password hash of somebody who has registered and not proven the address yet."""
    return connection.execute(_REGISTERED, {"email_key": email_key}).scalar_one_or_none()


def replace_hash(connection: sa.Connection, user_id: uuid.UUID, *, old: str, new: str) -> None:
    """Store a password's new hash unless the password was changed in between."""
    connection.execute(
        credentials.update()
        .where(credentials.c.user_id == user_id, credentials.c.password_hash == old)
        .values(password_hash=new, updated_at=utc_now())
    )
