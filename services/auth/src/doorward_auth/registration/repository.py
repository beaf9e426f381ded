"""Queries of registration."""

import uuid
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from doorward_identity.tables import pending_registrations
from doorward_kit.column_types import utc_now


@dataclass(frozen=True, slots=True)
class Pending:
    """A registration whose address is not proven yet."""

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


def insert(connection: sa.Connection, pending: Pending, *, seconds: int) -> None:
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


def lock(connection: sa.Connection, registration_id: uuid.UUID) -> Pending | None:
    """Read a registration that counts, and keep others from proving it at the same moment."""
    found = _PENDING.where(pending_registrations.c.id == registration_id).with_for_update()
    row = connection.execute(found).one_or_none()
    return None if row is None else Pending(*row)


def find_newest(connection: sa.Connection, email_key: str) -> Pending | None:
    """Read the newest registration of an address."""
    found = _PENDING.where(pending_registrations.c.email_key == email_key)
    row = connection.execute(found.order_by(pending_registrations.c.created_at.desc()).limit(1)).one_or_none()
    return None if row is None else Pending(*row)


def set_code(connection: sa.Connection, registration_id: uuid.UUID, code_hash: bytes) -> Pending | None:
    """Store the code that a mail is about to carry; None when nobody waits for it any more."""
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
    over = (
        sa.select(pending_registrations.c.id)
        .where(pending_registrations.c.expires_at <= utc_now())
        .limit(count)
    )
    ids = list(connection.execute(over).scalars())
    if ids:
        connection.execute(pending_registrations.delete().where(pending_registrations.c.id.in_(ids)))
    return len(ids)
