"""Queries of registration."""

import uuid
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from doorward_identity.tables import pending_registrations
from doorward_kit.column_types import utc_now


@dataclass(frozen=True, slots=True)
class PendingRegistration:
    """A registration whose address is not verified yet."""

    id: uuid.UUID
    email: str
    email_key: str
    name: str
    password_hash: str
    code_hash: bytes | None


_PENDING: Final = sa.select(
    pending_registrations.c.id,
    pending_registrations.c.email,
    pending_registrations.c.email_key,
    pending_registrations.c.name,
    pending_registrations.c.password_hash,
    pending_registrations.c.code_hash,
).where(pending_registrations.c.expires_at > utc_now())


def insert(connection: sa.Connection, pending: PendingRegistration, *, seconds: int) -> None:
    """Store a registration."""
    connection.execute(
        pending_registrations.insert().values(
            id=pending.id,
            email=pending.email,
            email_key=pending.email_key,
            name=pending.name,
            password_hash=pending.password_hash,
            created_at=utc_now(),
            expires_at=utc_now(seconds),
        )
    )


def lock(connection: sa.Connection, registration_id: uuid.UUID) -> PendingRegistration | None:
    """Read a registration that has not expired; it is verified at most once at the same moment."""
    found = _PENDING.where(pending_registrations.c.id == registration_id).with_for_update()
    row = connection.execute(found).one_or_none()
    return None if row is None else PendingRegistration(*row)


def find_newest(connection: sa.Connection, email_key: str) -> PendingRegistration | None:
    """Read the newest registration of an address."""
    found = _PENDING.where(pending_registrations.c.email_key == email_key)
    row = connection.execute(found.order_by(pending_registrations.c.created_at.desc()).limit(1)).one_or_none()
    return None if row is None else PendingRegistration(*row)


_NEWEST_HASH: Final = (
    sa.select(pending_registrations.c.password_hash)
    .where(
        pending_registrations.c.email_key == sa.bindparam("email_key"),
        pending_registrations.c.expires_at > utc_now(),
    )
    .order_by(pending_registrations.c.created_at.desc())
    .limit(1)
)


def find_password_hash(connection: sa.Connection, email_key: str) -> str | None:
    """Read the password hash of the newest registration of an address."""
    return connection.execute(_NEWEST_HASH, {"email_key": email_key}).scalar_one_or_none()


def set_code(
    connection: sa.Connection, registration_id: uuid.UUID, code_hash: bytes
) -> PendingRegistration | None:
    """Store the code that a mail is about to carry; None if the registration is gone."""
    pending = lock(connection, registration_id)
    if pending is not None:
        mine = pending_registrations.update().where(pending_registrations.c.id == registration_id)
        connection.execute(mine.values(code_hash=code_hash))
    return pending


def delete_of_address(connection: sa.Connection, email_key: str) -> None:
    """Delete every registration of an address."""
    connection.execute(pending_registrations.delete().where(pending_registrations.c.email_key == email_key))


def delete_expired(connection: sa.Connection, count: int) -> int:
    """Delete up to `count` expired registrations; return how many."""
    expired = (
        sa.select(pending_registrations.c.id)
        .where(pending_registrations.c.expires_at <= utc_now())
        .limit(count)
    )
    ids = list(connection.execute(expired).scalars())
    if ids:
        connection.execute(pending_registrations.delete().where(pending_registrations.c.id.in_(ids)))
    return len(ids)
