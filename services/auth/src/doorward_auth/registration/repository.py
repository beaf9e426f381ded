"""Queries of registration."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Final

import sqlalchemy as sa

from doorward_auth.opaque_tokens import OpaqueToken
from doorward_identity.avatars import repository as avatars
from doorward_identity.avatars.avatar import AvatarReference
from doorward_identity.tables import pending_registrations
from doorward_kit.column_types import utc_now

LIFETIME_SECONDS: Final = 86_400


@dataclass(frozen=True, slots=True, repr=False)
class RegistrationToken(OpaqueToken):
    """Names the caller's own registration among all of an address. Its id is the registration's."""

    prefix: ClassVar[str] = "dwg_"


@dataclass(frozen=True, slots=True)
class PendingRegistration:
    """A registration whose address is not verified yet. `registered_at` is None until it is stored."""

    email: str
    email_key: str
    name: str
    password_hash: str
    avatar: AvatarReference | None = None
    registered_at: datetime | None = None


_PENDING: Final = sa.select(
    pending_registrations.c.email,
    pending_registrations.c.email_key,
    pending_registrations.c.name,
    pending_registrations.c.password_hash,
    pending_registrations.c.avatar_id,
    pending_registrations.c.avatar_digest,
    pending_registrations.c.expires_at,
).where(
    pending_registrations.c.id == sa.bindparam("registration_id"),
    pending_registrations.c.secret_hash == sa.bindparam("secret_hash"),
    pending_registrations.c.expires_at > utc_now(),
)


def insert(connection: sa.Connection, token: RegistrationToken, pending: PendingRegistration) -> None:
    """Store a registration. Its picture ends with it."""
    connection.execute(
        pending_registrations.insert().values(
            id=token.id,
            email=pending.email,
            email_key=pending.email_key,
            name=pending.name,
            password_hash=pending.password_hash,
            secret_hash=token.hash(),
            expires_at=utc_now(LIFETIME_SECONDS),
            avatar_id=None if pending.avatar is None else pending.avatar.id,
            avatar_digest=None if pending.avatar is None else pending.avatar.digest,
        )
    )
    if pending.avatar is not None:
        avatars.keep(connection, pending.avatar.id, seconds=LIFETIME_SECONDS)


def find(connection: sa.Connection, token: RegistrationToken) -> PendingRegistration | None:
    """Read the registration of a token; None for an unknown or expired one."""
    values = {"registration_id": token.id, "secret_hash": token.hash()}
    row = connection.execute(_PENDING, values).one_or_none()
    if row is None:
        return None
    email, email_key, name, password_hash, avatar_id, digest, expires_at = row
    avatar = None if avatar_id is None else AvatarReference(avatar_id, digest)
    registered_at = expires_at - timedelta(seconds=LIFETIME_SECONDS)
    return PendingRegistration(email, email_key, name, password_hash, avatar, registered_at)


def delete_of_address(connection: sa.Connection, email_key: str) -> None:
    """Delete every registration of an address, with the pictures that nothing has kept."""
    avatars.end_of_registrations(connection, email_key)
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
