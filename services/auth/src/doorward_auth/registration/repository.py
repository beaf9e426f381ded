"""Queries of registration."""

import uuid
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from sqlalchemy import exc

from doorward_client.permissions import Role
from doorward_identity.accounts import new_account
from doorward_identity.tables import credentials, registrations, users
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
    registrations.c.id,
    registrations.c.email,
    registrations.c.email_key,
    registrations.c.name,
    registrations.c.password_hash,
    registrations.c.code_hash,
).where(registrations.c.expires_at > utc_now())


def insert(connection: sa.Connection, pending: Pending, *, seconds: int) -> None:
    """Store a registration."""
    connection.execute(
        registrations.insert().values(
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
    found = _PENDING.where(registrations.c.id == registration_id).with_for_update()
    row = connection.execute(found).one_or_none()
    return None if row is None else Pending(*row)


def find_newest(connection: sa.Connection, email_key: str) -> Pending | None:
    """Read the newest registration of an address."""
    found = _PENDING.where(registrations.c.email_key == email_key)
    row = connection.execute(found.order_by(registrations.c.created_at.desc()).limit(1)).one_or_none()
    return None if row is None else Pending(*row)


def set_code(connection: sa.Connection, registration_id: uuid.UUID, code_hash: bytes) -> Pending | None:
    """Store the code that a mail is about to carry; None when nobody waits for it any more."""
    pending = lock(connection, registration_id)
    if pending is not None:
        mine = registrations.update().where(registrations.c.id == registration_id)
        connection.execute(mine.values(code_hash=code_hash))
    return pending


def create_user(connection: sa.Connection, pending: Pending, user_id: uuid.UUID) -> bool:
    """Turn a registration into a user, and drop every other of its address; tell whether that was free."""
    now = utc_now()
    values = {
        **new_account(user_id, pending.email, pending.name, Role.USER, is_verified=True),
        "token_version": 0,
        "version": 1,
        "created_at": now,
        "updated_at": now,
    }
    connection.execute(registrations.delete().where(registrations.c.email_key == pending.email_key))
    try:
        connection.execute(users.insert().values(values))
    except exc.IntegrityError:
        return False
    connection.execute(
        credentials.insert().values(user_id=user_id, password_hash=pending.password_hash, updated_at=now)
    )
    return True


def sweep(connection: sa.Connection, count: int) -> int:
    """Delete up to `count` expired registrations; return how many."""
    over = sa.select(registrations.c.id).where(registrations.c.expires_at <= utc_now()).limit(count)
    ids = list(connection.execute(over).scalars())
    if ids:
        connection.execute(registrations.delete().where(registrations.c.id.in_(ids)))
    return len(ids)
